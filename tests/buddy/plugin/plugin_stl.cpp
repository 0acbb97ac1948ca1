/* plugin_stl.cpp: the same for stl.hpp. One resource is made and ended by hand; another one is a
 * static object, which the C++ library ends while the plugin is unloaded. */
extern "C" {
#include "tests/buddy/plugin/plugin.h"
}

#include <map>
#include <memory>
#include <vector>

#include "buddy/stl.hpp"

namespace
{

struct node {
    node *next = nullptr;
    long value = 0;
};

struct machinery {
    buddy::resource memory{heap_desc_of()};
    buddy::pool<node> nodes{1000};

    static buddy_heap_desc heap_desc_of()
    {
        buddy_heap_desc desc = {};
        desc.bytes = 1 << 16;
        return desc;
    }

    bool use()
    {
        std::pmr::map<int, int> numbers(&memory);
        numbers[1] = 2;
        std::vector<int, buddy::allocator<int>> vector(100, 1, memory.get());
        node *one = nodes.make();
        nodes.destroy(one);
        return true;
    }
};

machinery everlasting; /* until the plugin goes */
std::unique_ptr<machinery> made;

bool begin(int)
{
    made = std::make_unique<machinery>();
    return true;
}

bool use()
{
    return everlasting.use() && made->use();
}

void end()
{
    made.reset();
}

} // namespace

extern "C" {
extern const plugin the_plugin;
const plugin the_plugin = {begin, use, end};
}
