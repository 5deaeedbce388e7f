/** Width of the picture, and where the time line begins and ends in it: member names stand left of it. */
export const WIDTH = 960;
export const LEFT = 76;
export const PLOT_RIGHT = 948;
export const LANE_HEIGHT = 29;

/** Room that a text of 13 units takes, as measured over common sans-serif fonts; a little generous. */
export function textWidth(text: string): number {
  return text.length * 7.3;
}
