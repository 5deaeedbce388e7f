import { EXIT, InspectorError } from '../errors.ts';

/** A member's configuration file asks for something that cannot be. `place` is the path inside the file, `timing.heartbeatMs`. */
export class ConfigError extends InspectorError {
  readonly code = 'CONFIG';
  readonly exitCode = EXIT.usage;

  constructor(
    readonly file: string,
    readonly place: string,
    problem: string,
    hint: string,
    options?: ErrorOptions,
  ) {
    super(`${file}${place === '' ? '' : `, ${place}`}: ${problem}`, hint, options);
  }
}
