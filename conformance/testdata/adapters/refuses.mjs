import { say, speak } from './speak.mjs';

speak(request => say({ type: 'refused', id: request.id, reason: 'all slots are in use' }));
