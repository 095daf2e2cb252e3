declare module "socket.io-msgpack-parser" {
  export const protocol: number;
  export class Encoder {}
  export class Decoder {}
}
