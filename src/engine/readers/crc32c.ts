export { crc32c } from '../native/crc32c.ts';
