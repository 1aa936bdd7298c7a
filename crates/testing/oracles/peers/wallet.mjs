// Two wallet libraries that are not ours (@scure/bip32, @bitcoinerlab/descriptors), driven by JSON
// lines: what a wallet that watches makes of an extended key and of a descriptor.
//
//     node wallet.mjs DIRECTORY_WITH_NODE_MODULES
//
// The first line out is {"ready": {}}. Then one request a line in, one answer a line out:
// {"ok": …} or {"error": "…"}. The process ends when its input ends. Keys are 0x-hex.
//
//     {"call": "child", "xpub", "path"}                     the public key at m/…, and its depth
//     {"call": "addresses", "descriptor", "network", "count"}   the first addresses of the list

import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(join(resolve(process.argv[2]), 'package.json'));
const { HDKey } = require('@scure/bip32');
const secp256k1 = require('@bitcoinerlab/secp256k1');
const { networks } = require('bitcoinjs-lib');
const { Output } = require('@bitcoinerlab/descriptors').DescriptorsFactory(secp256k1);

const VERSIONS = {
  xpub: { private: 0x0488ade4, public: 0x0488b21e },
  tpub: { private: 0x04358394, public: 0x043587cf },
};
const NETWORKS = {
  mainnet: networks.bitcoin,
  testnet: networks.testnet,
  signet: networks.testnet,
  regtest: networks.regtest,
};

function child({ xpub, path }) {
  const key = HDKey.fromExtendedKey(xpub, VERSIONS[xpub.slice(0, 4)]);
  const derived = path === 'm' ? key : key.derive(path);
  const hex = Buffer.from(derived.publicKey).toString('hex');
  return { public_key: `0x${hex}`, depth: derived.depth, root_depth: key.depth };
}

function addresses({ descriptor, network, count }) {
  const of = (index) => {
    const output = new Output({
      descriptor,
      index,
      checksumRequired: true,
      network: NETWORKS[network],
    });
    return output.getAddress();
  };
  return { addresses: Array.from({ length: count }, (_, index) => of(index)) };
}

const CALLS = { child, addresses };

function say(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

say({ ready: {} });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const request = JSON.parse(line);
    const call = CALLS[request.call];
    if (!call) throw new Error(`unknown call ${request.call}`);
    say({ ok: call(request) });
  } catch (error) {
    say({ error: String(error.message ?? error) });
  }
}
