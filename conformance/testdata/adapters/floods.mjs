import { speak } from './speak.mjs';

speak(() => {
  const block = 'x'.repeat(65536);
  const more = () => {
    while (process.stdout.write(block));
  };
  process.stdout.on('drain', more);
  more();
});
