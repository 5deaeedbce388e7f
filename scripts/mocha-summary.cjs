// A mocha reporter: the usual spec output, and the totals in a file so that the caller need not parse a screen.
const fs = require('node:fs');
const { reporters } = require('mocha');

class Summary extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats;
      const target = process.env.RAFT_INSPECTOR_TEST_TOTALS;
      if (target) fs.writeFileSync(target, JSON.stringify({ passes, failures, pending }));
    });
  }
}

module.exports = Summary;
