import { decodeConfiguration, encodeConfiguration, type PlacedConfiguration } from '../core/configuration.ts';
import { FieldError, type Fields } from './json-fields.ts';

/** A configuration inside a JSON record: `{index, configuration}`, where `configuration` is what a membership entry's payload holds. */
export function placedConfigurationToJson(placed: PlacedConfiguration): object {
  return { index: placed.index, configuration: JSON.parse(Buffer.from(encodeConfiguration(placed.configuration)).toString('utf8')) as unknown };
}

/** @throws {FieldError} When it is none. */
export function placedConfigurationFromJson(fields: Fields): PlacedConfiguration {
  const index = fields.counter('index');
  const raw = fields.value('configuration');
  fields.end();
  try {
    return { index, configuration: decodeConfiguration(Buffer.from(JSON.stringify(raw))) };
  } catch (error) {
    if (error instanceof RangeError) throw new FieldError(error.message);
    throw error;
  }
}
