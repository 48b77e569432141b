import { speak } from './speak.mjs';

speak(() => process.stdout.write('Segmentation fault \u001b[31m(core dumped)\n'));
