import { speak } from './speak.mjs';

speak(() => process.kill(process.pid, 'SIGSEGV'));
