/** The commands that look (command contract, promise 1), as argument lists over places. */
export function lookingCommands(places: string[]): string[][] {
  const [first = ''] = places;
  return [
    ['inspect', 'member', ...places],
    ['inspect', 'log', first, '--tail', '5'],
    ['inspect', 'membership', first, '--history'],
    ['inspect', 'timeline', ...places],
    ['inspect', 'fsck', ...places],
    ['inspect', 'fsck', '--deep', ...places],
    ['recover', 'pick', '--explain', ...places],
    ...(places.length > 1 ? [['recover', 'compare', ...places]] : []),
    ['snapshot', 'list', first],
    ['snapshot', 'verify', first],
  ];
}
