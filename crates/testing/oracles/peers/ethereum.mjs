// An Ethereum node (anvil) and a client that is not ours (viem), driven by JSON lines.
//
//     node ethereum.mjs DIRECTORY_WITH_NODE_MODULES
//
// The first line out is {"ready": {"chain_id", "url"}}. Then one request a line in, one answer a
// line out: {"ok": …} or {"error": "…"}. The process, and anvil with it, ends when its input ends.
// Binary is 0x-hex; amounts of wei are decimal strings.
//
//     {"call": "fund", "address", "wei"}             sets a balance
//     {"call": "account", "address"}                 balance, next nonce, code
//     {"call": "send", "raw"}                        mines it, reads it back, compares balances
//     {"call": "refuse", "raw"}                      the same with one signature byte flipped
//     {"call": "decode", "raw"}                      viem's reading of it, with the sender it recovers
//     {"call": "recover_message", "message", "signature"}   who signed these bytes (EIP-191)
//     {"call": "sample", "to", "wei"}                a transfer signed by viem, to prove this peer

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const modules = resolve(process.argv[2]);
const require = createRequire(join(modules, 'package.json'));
const viem = require('viem');
const { foundry } = require('viem/chains');
const { generatePrivateKey, privateKeyToAccount } = require('viem/accounts');

const PLATFORM = { 'linux-x64': 'linux-amd64', 'linux-arm64': 'linux-arm64' };

/** Starts the platform package's own binary and waits until it says where it listens. */
async function startAnvil() {
  const platform = PLATFORM[`${process.platform}-${process.arch}`];
  if (!platform) throw new Error(`no anvil for ${process.platform}-${process.arch}`);
  const manifest = require.resolve(`@foundry-rs/anvil-${platform}/package.json`);
  const anvil = spawn(join(manifest, '..', 'bin', 'anvil'), ['--port', '0'], {
    env: { HOME: modules, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((found, failed) => {
    // read to the end: a full pipe would stop anvil
    createInterface({ input: anvil.stdout }).on('line', (line) => {
      const listening = /^Listening on (\S+)/.exec(line);
      if (listening) found(`http://${listening[1]}`);
    });
    anvil.on('exit', () => failed(new Error('anvil ended before it listened')));
  });
  return { anvil, url };
}

const { anvil, url } = await startAnvil();
const client = viem.createTestClient({
  chain: foundry,
  mode: 'anvil',
  transport: viem.http(url),
  pollingInterval: 20,
}).extend(viem.publicActions).extend(viem.walletActions);

/** viem's reading of a signed transaction, as plain strings. */
async function decode(raw) {
  const t = viem.parseTransaction(raw);
  return {
    type: t.type,
    chain_id: t.chainId,
    from: await viem.recoverTransactionAddress({ serializedTransaction: raw }),
    to: t.to ?? null,
    wei: (t.value ?? 0n).toString(),
    nonce: t.nonce ?? 0,
    data: t.data ?? '0x',
    hash: viem.keccak256(raw),
  };
}

const balanceOf = (address) => client.getBalance({ address });

/** Sends a signed transaction and reports what the chain itself says became of it. */
async function send(raw) {
  const read = await decode(raw);
  const before = { from: await balanceOf(read.from), to: read.to ? await balanceOf(read.to) : 0n };
  const hash = await client.sendRawTransaction({ serializedTransaction: raw });
  const receipt = await client.waitForTransactionReceipt({ hash });
  const mined = await client.getTransaction({ hash });
  const after = { from: await balanceOf(read.from), to: read.to ? await balanceOf(read.to) : 0n };
  const fee = receipt.gasUsed * receipt.effectiveGasPrice;
  return {
    ...read,
    status: receipt.status,
    block: receipt.blockNumber.toString(),
    read_back: { hash: mined.hash, from: viem.getAddress(mined.from), to: mined.to && viem.getAddress(mined.to), wei: mined.value.toString() },
    paid: (before.from - after.from - fee).toString(),
    received: (after.to - before.to).toString(),
    fee: fee.toString(),
  };
}

/**
 * Flips bytes of r until the signature again recovers to somebody: never to the one who signed.
 * An r that is no point's abscissa recovers to nobody, so some flips must be passed over.
 */
async function flipSignatureByte(raw) {
  const { r, s, v, yParity, ...unsigned } = viem.parseTransaction(raw);
  for (let at = 31; at >= 0; at -= 1) {
    const flipped = viem.toBytes(r, { size: 32 });
    flipped[at] ^= 1;
    const forged = viem.serializeTransaction(unsigned, { r: viem.toHex(flipped), s, v, yParity });
    try {
      return { raw: forged, from: await viem.recoverTransactionAddress({ serializedTransaction: forged }) };
    } catch {
      continue;
    }
  }
  throw new Error('no flipped signature recovers');
}

async function refuse(raw) {
  const { from } = await decode(raw);
  const forged = await flipSignatureByte(raw);
  try {
    await client.sendRawTransaction({ serializedTransaction: forged.raw });
    return { accepted: true, from, forged_from: forged.from, reason: null };
  } catch (error) {
    return { accepted: false, from, forged_from: forged.from, reason: error.details ?? error.shortMessage };
  }
}

async function sample({ to, wei }) {
  const account = privateKeyToAccount(generatePrivateKey());
  const raw = await account.signTransaction({
    type: 'eip1559',
    chainId: foundry.id,
    nonce: 0,
    to,
    value: BigInt(wei),
    gas: 21000n,
    maxFeePerGas: viem.parseGwei('10'),
    maxPriorityFeePerGas: viem.parseGwei('1'),
  });
  const message = '0x717565727479';
  return {
    address: account.address,
    raw,
    message,
    message_signature: await account.signMessage({ message: { raw: message } }),
  };
}

const calls = {
  async fund({ address, wei }) {
    await client.setBalance({ address, value: BigInt(wei) });
    return { wei: (await balanceOf(address)).toString() };
  },
  async account({ address }) {
    return {
      wei: (await balanceOf(address)).toString(),
      nonce: await client.getTransactionCount({ address }),
      code: (await client.getCode({ address })) ?? '0x',
    };
  },
  send: ({ raw }) => send(raw),
  refuse: ({ raw }) => refuse(raw),
  decode: ({ raw }) => decode(raw),
  async recover_message({ message, signature }) {
    return { address: await viem.recoverMessageAddress({ message: { raw: message }, signature }) };
  },
  sample,
};

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

say({ ready: { chain_id: await client.getChainId(), url } });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const request = JSON.parse(line);
    const call = Object.hasOwn(calls, request.call) && calls[request.call];
    if (!call) throw new Error(`unknown call ${request.call}`);
    say({ ok: await call(request) });
  } catch (error) {
    // one bad request must not end the peer
    say({ error: error.shortMessage ?? String(error) });
  }
}
anvil.kill();
await once(anvil, 'exit');
process.exit(0);
