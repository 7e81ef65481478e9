// Talks to the daemon with msgpack5rpc of the npm registry: node client.js SOCKET PREFIX
// Prints one JSON object with what it was told; foreign_clients_test.cc judges it.
'use strict';

const net = require('net');
const Session = require('msgpack5rpc');

const [socketPath, prefix] = process.argv.slice(2);
const session = new Session();
const events = [];
let onEvent = () => {};
session.on('notification', (method, params) => {
  events.push({ method, params });
  onEvent();
});

// An answer as { error, result }.
function call(method, ...params) {
  return new Promise((resolve) => {
    session.request(method, params, (error, result) => resolve({ error, result }));
  });
}

function order(id) {
  return {
    order_id: id,
    customer_id: '17850',
    payment_method: 'pm_ok',
    currency: 'GBP',
    lines: [{ sku: '85123A', quantity: 6, unit_price: 255, description: 'T-LIGHT ‒ ½' }],
  };
}

async function main() {
  const told = {};
  told.tail = await call('events.tail', { topic: 'orders' });
  told.created = await call('order.create', order(`${prefix}-1`));
  told.again = await call('order.create', order(`${prefix}-1`));
  told.refused = await call('order.create', { ...order(`${prefix}-2`), currency: 'XYZ' });
  told.unknown = await call('no.such.method');
  told.status = await call('daemon.status');
  told.committed = await call('tx.commit', {
    request_id: `${prefix}-t`,
    put: [{ key: `${prefix}-k`, value: { text: 'naïve', list: [1, -1, 1.5, null, true] } }],
  });
  told.state = await call('state.get', { key: `${prefix}-k` });
  // Many at a time, over one connection.
  const ids = Array.from({ length: 200 }, (_, i) => `${prefix}-p${i}`);
  const pipelined = await Promise.all(ids.map((id) => call('order.create', order(id))));
  told.pipelined = pipelined.filter((answer, i) => !answer.error && answer.result.order_id === ids[i]).length;
  session.notify('order.create', [order(`${prefix}-notified`)]);
  while (events.length < 202) await new Promise((resolve) => { onEvent = resolve; });
  told.events = events.map(({ method, params }) => `${method} ${params[0].type} ${params[0].subject}`);
  console.log(JSON.stringify(told));
  connection.end();
}

const connection = net.connect(socketPath, () => {
  session.attach(connection, connection);
  main().catch((error) => {
    console.error(error);
    process.exit(1);
  });
});
connection.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
