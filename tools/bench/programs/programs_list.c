/* programs_list.c: the programs. Each takes a second or two; what they print does not depend on the
 * order in which threads come to their end. */
#include "tools/bench/programs/programs.h"

static const char PYTHON[] =
    "cat >work.py <<'END'\n"
    "import json, threading\n"
    "def work(seed, out):\n"
    "    sums = 0\n"
    "    for turn in range(6):\n"
    "        words = {}\n"
    "        for i in range(20000):\n"
    "            key = 'k%d' % (i * 7919 * (seed + 1) % 15013)\n"
    "            words.setdefault(key, []).append(str(i) * (i % 5))\n"
    "        text = json.dumps(words, sort_keys=True)\n"
    "        sums = (sums * 31 + hash_of(text)) % (1 << 61)\n"
    "        parts = [p for p in text.split('k') if len(p) > 3]\n"
    "        sums = (sums + len(parts) + len(json.loads(text))) % (1 << 61)\n"
    "    out[seed] = sums\n"
    "def hash_of(text):\n"
    "    import zlib\n"
    "    return zlib.crc32(text.encode())\n"
    "out = {}\n"
    "threads = [threading.Thread(target=work, args=(s, out)) for s in range(4)]\n"
    "[t.start() for t in threads]\n"
    "[t.join() for t in threads]\n"
    "print(sorted(out.items()))\n"
    "END\n";

static const char SQLITE[] =
    "cat >sql.py <<'END'\n"
    "import sqlite3, threading\n"
    "def work(seed, out):\n"
    "    db = sqlite3.connect(':memory:')\n"
    "    db.execute('create table t (id integer primary key, name text, n integer)')\n"
    "    rows = (('name %d' % (i * 7919 % 10007), i * (seed + 3) % 1009) for i in range(60000))\n"
    "    db.executemany('insert into t (name, n) values (?, ?)', rows)\n"
    "    db.execute('create index names on t (name)')\n"
    "    db.execute('delete from t where n % 7 = 3')\n"
    "    top = db.execute('select name, sum(n) s from t group by name order by s, name limit 50')\n"
    "    pairs = db.execute('select count(*) from t a join t b on a.name = b.name').fetchone()\n"
    "    out[seed] = (top.fetchall()[-1], pairs)\n"
    "out = {}\n"
    "threads = [threading.Thread(target=work, args=(s, out)) for s in range(4)]\n"
    "[t.start() for t in threads]\n"
    "[t.join() for t in threads]\n"
    "print(sorted(out.items()))\n"
    "END\n";

static const char REDIS[] =
    "rm -f redis.sock\n"
    "LD_PRELOAD=$PRELOAD redis-server --port 0 --unixsocket \"$PWD/redis.sock\" --save '' "
    "--appendonly no --dir \"$PWD\" >redis.log 2>&1 &\n"
    "tries=0\n"
    "until redis-cli -s redis.sock ping >/dev/null 2>&1; do\n"
    "    tries=$((tries + 1)); [ $tries -lt 200 ] || { cat redis.log >&2; exit 1; }\n"
    "    sleep 0.02\n"
    "done\n"
    "redis-benchmark -s redis.sock -q -n 60000 -P 8 -r 20000 -d 200 -t "
    "set,get,incr,lpush,rpop,sadd,hset,zadd >/dev/null || exit 1\n"
    "redis-cli -s redis.sock set last one >/dev/null\n"
    "redis-cli -s redis.sock get last\n"
    "redis-cli -s redis.sock shutdown nosave >/dev/null 2>&1\n"
    "wait\n";

static const char COMPILER[] =
    "cat >big.cpp <<'END'\n"
    "#include <algorithm>\n#include <functional>\n#include <map>\n#include <regex>\n"
    "#include <string>\n#include <unordered_map>\n#include <variant>\n#include <vector>\n"
    "template <int N> struct deep { using type = std::map<std::string,\n"
    "    std::variant<int, std::vector<typename deep<N - 1>::type>>>; };\n"
    "template <> struct deep<0> { using type = std::unordered_map<int, std::string>; };\n"
    "int use(const deep<6>::type &d) { return int(d.size()); }\n"
    "std::string edit(const std::string &s) {\n"
    "    return std::regex_replace(s, std::regex(\"(a+)(b*)\"), \"$2$1\"); }\n"
    "int main() { deep<6>::type d; return use(d) + int(edit(\"aab\").size()); }\n"
    "END\n";

static const char LUA[] =
    "cat >work.lua <<'END'\n"
    "local sum = 0\n"
    "for turn = 1, 12 do\n"
    "  local t = {}\n"
    "  for i = 1, 60000 do t[i] = { name = 'n' .. (i * 7919 % 10007), next = t[i - 1] } end\n"
    "  table.sort(t, function(a, b) return a.name < b.name end)\n"
    "  local parts = {}\n"
    "  for i = 1, #t, 3 do parts[#parts + 1] = t[i].name:rep(2) end\n"
    "  local s = table.concat(parts, ',')\n"
    "  sum = (sum * 31 + #s + s:byte(turn * 100)) % 1000000007\n"
    "end\n"
    "print(sum)\n"
    "END\n";

static const char GIT[] =
    "rm -rf repo && git init -q repo && cd repo || exit 1\n"
    "git config user.email a@b && git config user.name A && git config gc.auto 0\n"
    "awk 'BEGIN { for (f = 0; f < 600; f++) { n = \"file-\" f \".txt\"\n"
    "    for (i = 0; i < 120; i++) print \"line\", i, (f * 7919 + i * 31) % 10007 > n\n"
    "    close(n) } }'\n"
    "git add . && git commit -qm first\n"
    "for c in 1 2 3 4 5 6; do\n"
    "    for f in file-*$c.txt; do sed -i \"s/line $c /changed $c /\" $f; done\n"
    "    git commit -qam \"change $c\" --date '2020-01-01T00:00:00'\n"
    "done\n";

static const char GIT_RUN[] =
    "cd repo || exit 1\n"
    "LD_PRELOAD=$PRELOAD git -c pack.threads=2 repack -adfq --window=60 --depth=40 || exit 1\n"
    "LD_PRELOAD=$PRELOAD git log -p --no-color | cksum\n"
    "LD_PRELOAD=$PRELOAD git fsck --full 2>&1 | grep -v dangling; true\n";

/* A five-point grid, factorised by two threads at once: Johnson and Davis' own kind of work. */
static const char UMFPACK[] =
    "cat >factor.c <<'END'\n"
    "#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <umfpack.h>\n"
    "enum { SIDE = 170, N = SIDE * SIDE };\n"
    "static double residue[2];\n"
    "static void *work(void *arg) {\n"
    "    int who = *(int *)arg, *p = malloc((N + 1) * sizeof *p), *row = malloc(5 * N * sizeof "
    "*row);\n"
    "    double *v = malloc(5 * N * sizeof *v), *b = malloc(N * sizeof *b), *x = malloc(N * sizeof "
    "*x);\n"
    "    for (int turn = 0; turn < 2; turn++) {\n"
    "        int k = 0;\n"
    "        for (int c = 0; c < N; c++) {\n"
    "            int at[5] = {c - SIDE, c - 1, c, c + 1, c + SIDE};\n"
    "            p[c] = k; b[c] = 1 + c % 7;\n"
    "            for (int i = 0; i < 5; i++) {\n"
    "                if (at[i] < 0 || at[i] >= N || (i == 1 && c % SIDE == 0) ||\n"
    "                    (i == 3 && c % SIDE == SIDE - 1)) continue;\n"
    "                row[k] = at[i]; v[k++] = i == 2 ? 4.1 + who : -1 - 0.01 * i;\n"
    "            }\n"
    "        }\n"
    "        p[N] = k;\n"
    "        void *s, *n;\n"
    "        if (umfpack_di_symbolic(N, N, p, row, v, &s, NULL, NULL) ||\n"
    "            umfpack_di_numeric(p, row, v, s, &n, NULL, NULL) ||\n"
    "            umfpack_di_solve(UMFPACK_A, p, row, v, x, b, n, NULL, NULL)) exit(1);\n"
    "        umfpack_di_free_symbolic(&s); umfpack_di_free_numeric(&n);\n"
    "    }\n"
    "    for (int i = 0; i < N; i++) residue[who] += x[i];\n"
    "    free(p); free(row); free(v); free(b); free(x); return NULL; }\n"
    "int main(void) { pthread_t t[2]; int who[2] = {0, 1};\n"
    "    for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, work, &who[i]);\n"
    "    for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);\n"
    "    printf(\"%.6f %.6f\\n\", residue[0], residue[1]); return 0; }\n"
    "END\n"
    "cc -O2 -I/usr/include/suitesparse factor.c -o factor -lumfpack -lpthread -lm\n";

const program PROGRAMS[] = {
    {"python", "four threads of strings, dictionaries and JSON", "python3", "python3", PYTHON,
     "LD_PRELOAD=$PRELOAD PYTHONMALLOC=malloc PYTHONHASHSEED=0 python3 work.py\n"},
    {"sqlite", "four databases in memory, a thread each", "python3", "python3", SQLITE,
     "LD_PRELOAD=$PRELOAD PYTHONMALLOC=malloc PYTHONHASHSEED=0 python3 sql.py\n"},
    {"redis", "a server under its own benchmark", "redis-server redis-benchmark redis-cli",
     "redis-server", "true\n", REDIS},
    {"g++", "a file of templates compiled", "g++", "g++", COMPILER,
     "LD_PRELOAD=$PRELOAD g++ -std=c++17 -O1 -c big.cpp -o big.o && cksum <big.o\n"},
    {"lua", "tables and strings", "lua5.4", "lua5.4", LUA, "LD_PRELOAD=$PRELOAD lua5.4 work.lua\n"},
    {"git", "a repository packed by two threads, read and checked", "git awk", "git", GIT, GIT_RUN},
    {"umfpack", "sparse matrices factorised by two threads", "cc", "libsuitesparse-dev", UMFPACK,
     "LD_PRELOAD=$PRELOAD OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 ./factor\n"},
};

const uint32_t PROGRAM_COUNT = sizeof PROGRAMS / sizeof PROGRAMS[0];
