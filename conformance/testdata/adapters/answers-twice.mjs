import { ran, speak } from './speak.mjs';

speak(request => {
  const line = `${JSON.stringify(ran(request))}\n`;
  process.stdout.write(line + line);
});
