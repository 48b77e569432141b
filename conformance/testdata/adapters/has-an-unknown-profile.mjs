import { ran, say, speak, welcome } from './speak.mjs';

speak(
  request => say(ran(request)),
  () => say({ ...welcome(), profile: 'linux-2.6' }),
);
