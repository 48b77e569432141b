import { ran, say, speak } from './speak.mjs';

speak(request => say({ ...ran(request), id: request.id + 1 }));
