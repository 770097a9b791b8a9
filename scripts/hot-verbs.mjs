// The commands that are used all the time: native/handover.c has the same (a unit test compares them), and takes a start-up snapshot in which there is no other.
// `run` and `launch` are one command: of those with another name, the other one.
export const hotVerbs = [
  ...[
    'run',
    'create',
    'start',
    'stop',
    'restart',
    'delete',
    'list',
    'status',
    'inspect',
    'exec',
    'shell',
    'kill',
    'ps',
    'wait',
  ],
  ...['get', 'set', 'pause', 'resume', 'claim', 'prepare', 'on-exit'],
];
