/** What can be told of statements by looking at them. */
import type { Statement } from './code-tree.ts';

/** A function of them gives something back. */
export function returnsValue(body: readonly Statement[]): boolean {
  return body.some(one => {
    switch (one.kind) {
      case 'return':
        return one.value !== null;
      case 'block':
      case 'loop':
        return returnsValue(one.body);
      case 'if':
        return returnsValue(one.then) || returnsValue(one.otherwise);
      case 'switch':
        return one.arms.some(arm => returnsValue(arm.body));
      default:
        return false;
    }
  });
}
