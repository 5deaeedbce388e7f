/** One thing that was looked at, for people and reports. `ok` null: it could not be looked at, and `detail` says why. */
export interface CheckLine {
  name: string;
  ok: boolean | null;
  detail: string;
}
