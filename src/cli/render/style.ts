/** How text may look on this terminal. Colour never stands alone: each coloured thing has its word. */
export interface Style {
  /** Columns to fit; 80 when unknown (a pipe). */
  width: number;
  /** Whether block characters may be used. */
  unicode: boolean;
  /** Whether the screen goes to a terminal; a pipe gets plain columns. */
  terminal: boolean;
  /** Whether long lists are shown whole. */
  verbose: boolean;
  good: (text: string) => string;
  caution: (text: string) => string;
  bad: (text: string) => string;
  /** A command to type. */
  command: (text: string) => string;
  strong: (text: string) => string;
  dim: (text: string) => string;
}
