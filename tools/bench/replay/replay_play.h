/* replay_play.h: the child of `bench replay`: plays a log on one allocator, in a process of its
 * own.
 *
 *     parent:  spawn ──► megabuddy bench replay --trial ALLOCATOR THREADS FILE ──► figures */
#ifndef MEGABUDDY_TOOLS_BENCH_REPLAY_PLAY_H
#define MEGABUDDY_TOOLS_BENCH_REPLAY_PLAY_H

#define REPLAY_AS_LOGGED "log" /* as THREADS; "1": one */

/* argv: the three words. Returns, with the exit code, only when they are wrong. */
int replay_play_main(int argc, char **argv);

#endif
