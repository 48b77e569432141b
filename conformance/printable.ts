/** Text from outside, fit for a terminal and a single line: control characters become spaces, what is long is cut. */
export function printable(text: string, most = 400): string {
  const clean = text.replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return clean.length <= most ? clean : `${clean.slice(0, most)}...`;
}
