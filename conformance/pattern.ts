/** Patterns for vector ids: `*` stands for any part of one path component, `**` for any number of components. */

export type Pattern = (id: string) => boolean;

export function pattern(text: string): Pattern {
  const source = text
    .split(/(\/\*\*$|^\*\*\/|\/\*\*\/|\*\*|\*)/)
    .map(sourceOf)
    .join('');
  const expression = new RegExp(`^${source}$`);
  return id => expression.test(id);
}

function sourceOf(part: string): string {
  switch (part) {
    case '*':
      return '[^/]*';
    case '**':
      return '.*';
    // The slash goes away with the components, so that `a/**` is `a` and all below it.
    case '/**':
      return '(?:/.*)?';
    case '**/':
      return '(?:.*/)?';
    case '/**/':
      return '/(?:.*/)?';
    default:
      return part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  }
}
