/** `1 file`, `4 files`. */
export function filesOf(count: number): string {
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}
