import { Args, Flags } from '@oclif/core';

/** `--case`, of every command that belongs to a recovery. */
export const caseFlags = {
  case: Flags.string({ helpValue: '<dir>', summary: "The case directory (default: ./case-<first 8 of the cluster's id>)" }),
};

/** The optional plan of `recover show`, `apply` and the like. */
export const planArg = Args.string({ description: "A plan file, or the first characters of a plan's id (default: the case's only plan)" });
