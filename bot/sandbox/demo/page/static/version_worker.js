// Shared worker: receives the names of new versions for all tabs of a browser over one stream.

const RECONNECT_MILLISECONDS = 1000;

const ports = new Set();
let newest = ""; // name of the newest version; "" without a connection

function publish(name) {
  newest = name;
  for (const port of ports) port.postMessage(name);
}

function listen() {
  const stream = new EventSource("/events");
  stream.onmessage = (event) => publish(event.data);
  stream.onerror = () => {
    publish("");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_MILLISECONDS);
  };
}

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = () => ports.delete(port);
  port.postMessage(newest);
};

listen();
