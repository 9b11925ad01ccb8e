/** Sends back what it is sent. */

const scope = self as unknown as {
  onmessage: (event: MessageEvent) => void;
  postMessage(value: unknown): void;
};
scope.onmessage = ({ data }) => scope.postMessage(data);
