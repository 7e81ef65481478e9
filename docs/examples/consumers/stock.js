// Counts what was sold, each order once: node stock.js SOCKET NAME
//
// Consumes the events of topic `orders` as group NAME, and keeps its counts in the daemon, under
// NAME:orders and NAME:sold:SKU. Each delivery is settled in the transaction that changes the
// counts, so both happen or neither does, however often this program, the daemon or the broker is
// killed.
//
// Ends when the daemon does; start it again then. Needs msgpack5rpc of the npm registry.
'use strict';

const net = require('net');
const Session = require('msgpack5rpc');

const [socketPath, name] = process.argv.slice(2);
const session = new Session();

// An answer that is an error rejects with it: {code, message, retry, ...}.
function call(method, params) {
  return new Promise((resolve, reject) => {
    session.request(method, [params], (error, result) => (error ? reject(error) : resolve(result)));
  });
}

// Value and version of one of our keys; 0 and 0 when it does not exist.
async function current(key) {
  try {
    return await call('state.get', { key });
  } catch (error) {
    if (error.code !== 'not_found') throw error;
    return { key, value: 0, version: 0 };
  }
}

// Adds one order to the counts, and settles its delivery with that. Returns how many there are.
async function count({ tag, event }) {
  const added = new Map([[`${name}:orders`, 1]]);
  for (const line of event.data.lines) {
    const key = `${name}:sold:${line.sku}`;
    added.set(key, (added.get(key) ?? 0) + line.quantity);
  }
  for (;;) {
    const known = await Promise.all([...added.keys()].map(current));
    const put = known.map(({ key, value }) => ({ key, value: value + added.get(key) }));
    try {
      await call('tx.commit', {
        // The same for each delivery of this event: a repetition changes nothing.
        request_id: `${name}:${event.source.split('/').pop()}:${event.seq}`,
        expect: known.map(({ key, version }) => ({ key, version })),
        put,
        settle: [tag],
      });
      return put[0].value;
    } catch (error) {
      if (error.code !== 'version_conflict') throw error; // another of this group was faster
    }
  }
}

async function consume(delivery) {
  if (delivery.event.type === 'order.created') {
    console.log(`orders ${await count(delivery)}`);
  } else {
    await call('inbox.settle', { tag: delivery.tag, outcome: 'ack' });
  }
}

function fail(error) {
  console.error(`stock.js: ${error.code ?? ''} ${error.message}`);
  process.exit(1);
}

let last = Promise.resolve(); // one delivery after the other
session.on('notification', (method, [delivery]) => {
  if (method === 'delivery') last = last.then(() => consume(delivery)).catch(fail);
});

const socket = net.connect(socketPath, () => {
  call('inbox.subscribe', { topic: 'orders', group: name, credit: 16 }).catch(fail);
});
socket.on('close', () => fail(new Error('the daemon has ended')));
socket.on('error', fail);
session.attach(socket, socket);
