export interface OpenListener {
  name: string;
  address: string;
  port: number;
  close(ms: number): Promise<void>;
}
export async function startListener(..._: unknown[]): Promise<OpenListener> {
  throw new Error("later");
}
