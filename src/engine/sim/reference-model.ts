import { decodeKvCommand } from '../native/kv-command.ts';

/** What one command must do, by the words of the command contract; written apart from the state machine it judges. */
export interface ModelResult {
  readonly status: 'ok' | 'conflict';
  readonly existed: boolean;
  /** Of a conflict: what is there instead. */
  readonly found: { readonly value: string; readonly revision: number } | null;
}

interface Version {
  readonly index: number;
  /** Null: deleted. */
  readonly value: string | null;
  readonly revision: number;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The key-value state as the committed commands make it, at every index: values as text of one character a byte. */
export class ReferenceModel {
  private readonly versions = new Map<string, Version[]>();

  clone(): ReferenceModel {
    const copy = new ReferenceModel();
    for (const [key, versions] of this.versions) copy.versions.set(key, [...versions]);
    return copy;
  }

  /** Commands must come in the order of their indexes. */
  apply(index: number, payload: Uint8Array): ModelResult {
    const command = decodeKvCommand(payload);
    const key = text(command.key);
    const before = this.newest(key);
    const existed = before !== null;
    switch (command.op) {
      case 'put':
        this.set(key, index, text(command.value));
        break;
      case 'append':
        this.set(key, index, (before?.value ?? '') + text(command.value));
        break;
      case 'delete':
        if (existed) this.set(key, index, null);
        break;
      case 'cas': {
        const { expected } = command;
        const holds =
          expected.kind === 'absent' ? !existed : expected.kind === 'value' ? before?.value === text(expected.value) : before?.revision === expected.revision;
        if (!holds) return { status: 'conflict', existed, found: before };
        this.set(key, index, text(command.value));
        break;
      }
    }
    return { status: 'ok', existed, found: null };
  }

  /** The value at an index; null when there is none. */
  at(key: string, index: number): string | null {
    const versions = this.versions.get(key) ?? [];
    for (let at = versions.length - 1; at >= 0; at -= 1) {
      const version = versions[at] as Version;
      if (version.index <= index) return version.value;
    }
    return null;
  }

  private newest(key: string): { value: string; revision: number } | null {
    const version = this.versions.get(key)?.at(-1);
    return version === undefined || version.value === null ? null : { value: version.value, revision: version.revision };
  }

  private set(key: string, index: number, value: string | null): void {
    const version = { index, value, revision: index };
    const known = this.versions.get(key);
    if (known === undefined) this.versions.set(key, [version]);
    else known.push(version);
  }
}
