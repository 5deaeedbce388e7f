// Names of regions as the large providers spell them: eu-west-1, us-gov-east-1, europe-west4, us-central1, westeurope, eastus2.
const WITH_ZONE = /(?:^|[^a-z0-9])((?:af|ap|ca|cn|eu|il|me|mx|sa|us|asia|europe|australia|northamerica|southamerica|africa)(?:-gov)?-(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-?\d)/;
const AZURE = /(?:^|[^a-z0-9])((?:north|west|east|south|central|southeast|northcentral|southcentral|westcentral)(?:europe|us|asia|india)\d?)(?![a-z])/;

/** The region a name or address speaks of; null when it does not. */
export function regionOf(text: string): string | null {
  const lower = text.toLowerCase();
  return WITH_ZONE.exec(lower)?.[1] ?? AZURE.exec(lower)?.[1] ?? null;
}

/** Members by region, where names or addresses tell of two or more; else null. */
export function regionsOf(members: readonly { id: string; name: string | null; addresses: readonly string[] }[]): Map<string, string[]> | null {
  const found = new Map<string, string[]>();
  for (const one of members) {
    const region = [one.name ?? '', one.id, ...one.addresses].map(regionOf).find((name) => name !== null);
    if (region != null) found.set(region, [...(found.get(region) ?? []), one.name ?? one.id]);
  }
  return found.size > 1 ? found : null;
}
