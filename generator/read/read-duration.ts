/** Durations: whole numbers of seconds, written as `seconds(10)`. */
import { Node, type SourceFile, type Expression as Syntax, SyntaxKind } from 'ts-morph';
import type { Reading } from './read-context.ts';

/** The longest that the files name: what a field may have to hold. */
export function mostSeconds(files: readonly SourceFile[]): number {
  const named = files.flatMap(file =>
    file.getDescendantsOfKind(SyntaxKind.CallExpression).flatMap(call => {
      const [count] = call.getArguments();
      return call.getExpression().getText() === 'seconds' && Node.isNumericLiteral(count) ? [count.getLiteralValue()] : [];
    }),
  );
  return Math.max(0, ...named);
}

/** Seconds that the call names. */
export function readSeconds(reading: Reading, node: Syntax): number {
  const [count] = Node.isCallExpression(node) ? node.getArguments() : [];
  if (Node.isNumericLiteral(count) && Number.isInteger(count.getLiteralValue())) return count.getLiteralValue();
  return reading.refuse(
    node,
    'duration-without-number',
    'A duration is a whole number of seconds that is known beforehand.',
    'Write `seconds(10)`.',
  );
}
