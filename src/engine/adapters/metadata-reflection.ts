type Holder = object;
type Metadata = Map<unknown, unknown>;

const tables = new WeakMap<Holder, Map<string | symbol | undefined, Metadata>>();

/**
 * The few functions of the metadata proposal that the certificate library's dependency injection asks for at its import (it refuses to load
 * without them). A polyfill that is there already stays.
 */
export function provideMetadataReflection(): void {
  if ('getMetadata' in Reflect) return;
  Object.assign(Reflect, {
    defineMetadata: (key: unknown, value: unknown, target: Holder, property?: string | symbol) => void tableOf(target, property).set(key, value),
    getOwnMetadata: (key: unknown, target: Holder, property?: string | symbol) => tables.get(target)?.get(property)?.get(key),
    getMetadata: inherited,
    hasOwnMetadata: (key: unknown, target: Holder, property?: string | symbol) => tables.get(target)?.get(property)?.has(key) ?? false,
    metadata: (key: unknown, value: unknown) => (target: Holder, property?: string | symbol) => void tableOf(target, property).set(key, value),
  });
}

function inherited(key: unknown, target: Holder, property?: string | symbol): unknown {
  for (let holder: Holder | null = target; holder !== null; holder = Object.getPrototypeOf(holder) as Holder | null) {
    const found = tables.get(holder)?.get(property);
    if (found?.has(key)) return found.get(key);
  }
  return undefined;
}

function tableOf(target: Holder, property: string | symbol | undefined): Metadata {
  const properties = tables.get(target) ?? new Map<string | symbol | undefined, Metadata>();
  tables.set(target, properties);
  const table = properties.get(property) ?? new Map<unknown, unknown>();
  properties.set(property, table);
  return table;
}
