export type { ServerSentEvent } from "../app/event-reader.ts";
export type { TimeSource } from "../background/core/clock.ts";
export type { Store } from "../background/core/store.ts";
export { defaultQueueOn } from "./default-queue.ts";
export { ManualClock } from "./manual-clock.ts";
export { type MockCall, MockLLM, type MockLLMOptions, type MockResponse } from "./mock-llm.ts";
export { type OpenStore, type StoreCase, storeCases } from "./store-conformance.ts";
export { TestClient, type TestRequestOptions, type TestResponse } from "./test-client.ts";
