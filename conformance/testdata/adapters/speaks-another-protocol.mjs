import { say, speak, welcome } from './speak.mjs';

speak(
  () => {},
  () => say({ ...welcome(), protocol: 7 }),
);
