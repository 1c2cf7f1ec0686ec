// A shared worker: hears for every tab of a browser that there is a new version, over one stream.

const AGAIN_MILLISECONDS = 1000;

const ports = new Set();
let newest = ""; // the newest version's name; "" where the server cannot be heard

function ring(name) {
  newest = name;
  for (const port of ports) port.postMessage(name);
}

function listen() {
  const stream = new EventSource("/events");
  stream.onmessage = (event) => ring(event.data);
  stream.onerror = () => {
    ring("");
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MILLISECONDS);
  };
}

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = () => ports.delete(port);
  port.postMessage(newest);
};

listen();
