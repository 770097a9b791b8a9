export {
  askToDropReady,
  dropReadySignal,
  type EngineClient,
  type EngineHandler,
  enginePaths,
  serveEngine,
  stopEngine,
} from './serve.js';
