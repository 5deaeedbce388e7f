import type { Progress } from '../../model/reading.ts';
import type { ContentDepth } from './state-content.ts';

export interface VerifyOptions {
  progress?: Progress;
  /** `restore` decodes the whole content as a restore would, and recounts it. Default `count`. */
  depth?: ContentDepth;
}
