import { background, InMemoryQueue, type Task } from "rapidai/background";

export const here: Task<void, string> = background({ name: "here", queue: new InMemoryQueue() }, async () => "here");
