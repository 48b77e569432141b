import { speak } from './speak.mjs';

speak(
  () => {},
  () => {},
);
