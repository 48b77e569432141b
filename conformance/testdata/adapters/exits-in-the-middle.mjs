import { speak } from './speak.mjs';

speak(() => {
  process.stderr.write('assertion failed: list not empty\n');
  process.exit(5);
});
