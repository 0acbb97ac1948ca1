// The headers work in C++ too.
#include <megabuddy/vt.h>
#include <megabuddy/vt_watch.h>

#include <cstdlib>
#include <cstring>
#include <memory>

struct trace_end {
    void operator()(vt_trace *t) const
    {
        vt_trace_destroy(t);
    }
};

static bool trace_works()
{
    std::unique_ptr<vt_trace, trace_end> t(vt_trace_create(10));
    vt_trace_counter(t.get(), "missing", vt_trace_now(t.get()), 13);
    return vt_trace_count(t.get()) == 1 && vt_trace_dropped(t.get()) == 0;
}

static bool tells_what_is_wrong()
{
    char error[256] = "";
    vt_desc desc = {};
    desc.path = "/nowhere/none.mega";
    vt *none = vt_create(&desc, error, sizeof error);
    vt_destroy(none);
    return none == nullptr && std::strstr(error, "none.mega: cannot be opened") != nullptr;
}

int main()
{
    return trace_works() && tells_what_is_wrong() ? 0 : 1;
}
