import fs from 'node:fs';
import type { ByteSource } from './byte-source.ts';

/** An open file as a source of bytes; whoever opened it closes it. */
export function descriptorSource(fd: number, name: string, size: number): ByteSource {
  return {
    name,
    size,
    readInto(into, offset) {
      let done = 0;
      while (done < into.length) {
        const read = fs.readSync(fd, into, done, into.length - done, offset + done);
        if (read === 0) break;
        done += read;
      }
      return done;
    },
  };
}
