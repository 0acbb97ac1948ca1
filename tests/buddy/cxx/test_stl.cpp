/* The standard library's containers on our heap: any history of a container is that of the same
 * container on std::allocator, the heap is whole after it, and gets everything back. Typed pools
 * that construct and destroy. */
#include <algorithm>
#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#include "buddy/stl.hpp"
#include "tests/rigs/seed.h"

namespace
{

std::uint64_t seed;

/* ---- a heap, and how a test of it ends ---- */

buddy_heap_desc small_heap(std::size_t bytes = std::size_t{16} << 20)
{
    buddy_heap_desc desc = {};
    desc.bytes = bytes;
    desc.unit_bytes = 32;
    return desc;
}

void expect_whole(const char *fault)
{
    if (fault != nullptr) {
        fail_msg("%s", fault);
    }
}

/* Nothing is live, nothing was refused by name, and all of it has come back to the core. */
void expect_empty(buddy_heap *h)
{
    buddy_heap_stats stats;
    buddy_heap_recall(h);
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.errors, 0);
    assert_int_equal(stats.core.free_units, stats.core.units);
    expect_whole(buddy_heap_check(h));
}

/* ---- random histories ---- */

/* What a container is to be filled with. */
void draw(int &out)
{
    out = static_cast<int>(seed_below(&seed, 1000));
}

void draw(char &out)
{
    out = static_cast<char>('a' + seed_below(&seed, 26));
}

/* A place in a container, its end included. */
template <class Container> std::size_t any_place(const Container &c)
{
    return seed_below(&seed, static_cast<std::uint32_t>(c.size()) + 1);
}

template <class Container> auto at(Container &c, std::size_t place)
{
    return std::next(c.begin(), static_cast<std::ptrdiff_t>(place));
}

/* One step of a sequence's life, the same for both. */
template <class Ours, class Theirs> void step_sequence(Ours &ours, Theirs &theirs)
{
    typename Theirs::value_type value;
    draw(value);
    std::size_t place = any_place(theirs), count = seed_below(&seed, 40);
    switch (seed_below(&seed, 8)) {
    case 0:
        ours.insert(at(ours, place), value);
        theirs.insert(at(theirs, place), value);
        break;
    case 1:
        ours.insert(at(ours, place), count, value);
        theirs.insert(at(theirs, place), count, value);
        break;
    case 2:
        ours.erase(at(ours, place), ours.end());
        theirs.erase(at(theirs, place), theirs.end());
        break;
    case 3:
        ours.resize(place + count, value);
        theirs.resize(place + count, value);
        break;
    case 4:
        ours.erase(ours.begin(), at(ours, place / 2));
        theirs.erase(theirs.begin(), at(theirs, place / 2));
        break;
    default:
        ours.push_back(value);
        theirs.push_back(value);
    }
}

/* One step of a set's or map's life. */
template <class Ours, class Theirs> void step_keyed(Ours &ours, Theirs &theirs)
{
    using key = std::remove_const_t<typename Theirs::key_type>;
    key one;
    draw(one);
    if (seed_below(&seed, 3) != 0) {
        if constexpr (std::is_same_v<typename Theirs::key_type, typename Theirs::value_type>) {
            assert_int_equal(ours.insert(one).second, theirs.insert(one).second);
        } else {
            assert_int_equal(ours.emplace(one, one).second, theirs.emplace(one, one).second);
        }
    } else {
        assert_int_equal(ours.erase(one), theirs.erase(one));
    }
}

template <class Ours, class Theirs> bool same_contents(const Ours &ours, const Theirs &theirs)
{
    return ours.size() == theirs.size() && std::equal(ours.begin(), ours.end(), theirs.begin());
}

/* The order of a hash table is its own affair. */
template <class Ours, class Theirs> bool same_table(const Ours &ours, const Theirs &theirs)
{
    std::map<int, int> sorted(ours.begin(), ours.end()), expected(theirs.begin(), theirs.end());
    return sorted == expected;
}

/* Copies, moves and swaps now and then: `ours` ends as it was, in other memory. */
template <class Ours> void travel(Ours &ours)
{
    Ours copy(ours), other(ours.get_allocator());
    other = copy;
    assert_true(copy == ours && other == ours);
    ours = std::move(copy);
    ours.swap(other);
    Ours moved(std::move(ours));
    ours = moved;
}

constexpr int STEPS = 2000;

template <class Ours, class Step, class Same, class Theirs>
void live_through(buddy_heap *h, Ours ours, Theirs theirs, Step step, Same same)
{
    for (int i = 0; i < STEPS; i++) {
        step(ours, theirs);
        if (i % 50 == 0) {
            travel(ours);
        }
        assert_true(same(ours, theirs));
        expect_whole(i % 100 == 0 ? buddy_heap_check(h) : nullptr);
    }
}

/* Every container with allocators that Give<T> says, made of `from`. */
template <template <class> class Give, class From> void live_through_all(buddy_heap *h, From from)
{
    auto sequence = [](auto &a, auto &b) { step_sequence(a, b); };
    auto keyed = [](auto &a, auto &b) { step_keyed(a, b); };
    auto same = [](const auto &a, const auto &b) { return same_contents(a, b); };
    auto table = [](const auto &a, const auto &b) { return same_table(a, b); };
    using pair = std::pair<const int, int>;
    using text = std::basic_string<char, std::char_traits<char>, Give<char>>;
    live_through(h, std::vector<int, Give<int>>(from), std::vector<int>(), sequence, same);
    live_through(h, text(from), std::string(), sequence, same);
    live_through(h, std::deque<int, Give<int>>(from), std::deque<int>(), sequence, same);
    live_through(h, std::list<int, Give<int>>(from), std::list<int>(), sequence, same);
    live_through(h, std::set<int, std::less<int>, Give<int>>(from), std::set<int>(), keyed, same);
    live_through(h, std::map<int, int, std::less<int>, Give<pair>>(from), std::map<int, int>(),
                 keyed, same);
    live_through(h,
                 std::unordered_map<int, int, std::hash<int>, std::equal_to<int>, Give<pair>>(from),
                 std::unordered_map<int, int>(), keyed, table);
}

void every_container_lives_on_the_allocator(void **)
{
    buddy::resource memory(small_heap());
    live_through_all<buddy::allocator>(memory.get(), memory.get());
    expect_empty(memory.get());
}

void every_container_lives_on_the_resource(void **)
{
    buddy::resource memory(small_heap());
    live_through_all<std::pmr::polymorphic_allocator>(memory.get(), &memory);
    expect_empty(memory.get());
}

void strings_in_maps_take_the_resource_along(void **)
{
    buddy::resource memory(small_heap());
    {
        std::pmr::map<int, std::pmr::string> names(&memory);
        for (int i = 0; i < 500; i++) {
            names[i].assign(static_cast<std::size_t>(i), 'x');
        }
        assert_true(buddy_heap_owns(memory.get(), names[400].data()));
        assert_int_equal(names[400].size(), 400);
    }
    expect_empty(memory.get());
}

/* ---- what vector and string need ---- */

void elements_of_a_vector_lie_side_by_side_in_one_block(void **)
{
    buddy::resource memory(small_heap());
    {
        std::vector<int, buddy::allocator<int>> numbers(memory.get());
        std::basic_string<char, std::char_traits<char>, buddy::allocator<char>> text(memory.get());
        for (int i = 0; i < 100000; i++) {
            numbers.push_back(i);
            text.push_back(static_cast<char>('a' + i % 26));
        }
        for (int i = 0; i < 100000; i++) {
            assert_true(&numbers[static_cast<std::size_t>(i)] == numbers.data() + i);
            assert_int_equal(numbers.data()[i], i);
        }
        std::size_t block = buddy_heap_usable_size(memory.get(), numbers.data());
        assert_true(block >= numbers.capacity() * sizeof(int));
        assert_true(buddy_heap_usable_size(memory.get(), text.data()) > text.size());
        assert_int_equal(text[99999], 'a' + 99999 % 26);
    }
    expect_empty(memory.get());
}

/* ---- single blocks ---- */

template <std::size_t bytes> struct alignas(bytes) aligned {
    unsigned char some[bytes];
};

template <std::size_t bytes> void expect_aligned(buddy_heap *h)
{
    buddy::allocator<aligned<bytes>> give(h);
    for (std::size_t count = 0; count < 20; count++) {
        aligned<bytes> *one = give.allocate(count), *two = give.allocate(count, one);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(one) % bytes, 0);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(two) % bytes, 0);
        give.deallocate(one, count);
        give.deallocate(two, count);
    }
}

void blocks_are_aligned_as_their_type(void **)
{
    buddy::resource memory(small_heap());
    expect_aligned<1>(memory.get());
    expect_aligned<16>(memory.get());
    expect_aligned<64>(memory.get());
    expect_aligned<8192>(memory.get());
    for (std::size_t alignment = 1; alignment <= 1 << 16; alignment *= 2) {
        std::size_t bytes = seed_below(&seed, 5000);
        void *block = memory.allocate(bytes, alignment);
        assert_int_equal(reinterpret_cast<std::uintptr_t>(block) % alignment, 0);
        memory.deallocate(block, bytes, alignment);
    }
    expect_empty(memory.get());
}

void a_hint_is_followed(void **)
{
    buddy::resource memory(small_heap());
    buddy::allocator<long> give(memory.get());
    std::vector<long *> all;
    for (int i = 0; i < 20000; i++) {
        all.push_back(give.allocate(1));
    }
    for (std::size_t i = 0; i < all.size(); i += 10) {
        give.deallocate(all[i], 1);
    }
    buddy_heap_recall(memory.get());
    for (std::size_t i = 5; i < all.size(); i += 1000) {
        using traits = std::allocator_traits<buddy::allocator<long>>;
        long *near = traits::allocate(give, 1, all[i]);
        std::intptr_t apart = reinterpret_cast<char *>(near) - reinterpret_cast<char *>(all[i]);
        assert_in_range(std::abs(apart), 1, 4096);
        give.deallocate(near, 1);
    }
    for (std::size_t i = 0; i < all.size(); i++) {
        if (i % 10 != 0) {
            give.deallocate(all[i], 1);
        }
    }
    expect_empty(memory.get());
}

/* ---- no memory ---- */

template <class Error, class Action> bool throws(Action action)
{
    try {
        action();
    } catch (const Error &) {
        return true;
    }
    return false;
}

void a_full_heap_throws_and_leaves_the_container_as_it_was(void **)
{
    buddy::resource memory(small_heap(1 << 20));
    {
        std::list<int, buddy::allocator<int>> list(memory.get());
        std::vector<int, buddy::allocator<int>> vector(10, 7, memory.get());
        assert_true(throws<std::bad_alloc>([&] {
            for (;;) {
                list.push_back(static_cast<int>(list.size()));
            }
        }));
        int expected = 0;
        for (int one : list) {
            assert_int_equal(one, expected++);
        }
        assert_true(list.size() > 20000);
        assert_true(throws<std::bad_alloc>([&] { vector.resize(1000000); }));
        assert_true(vector.size() == 10 && vector[9] == 7);
        expect_whole(buddy_heap_check(memory.get()));
    }
    expect_empty(memory.get());
}

void impossible_requests_throw_by_name(void **)
{
    buddy::resource memory(small_heap(1 << 20));
    buddy::allocator<long> give(memory.get());
    assert_true(throws<std::bad_array_new_length>([&] { (void)give.allocate(SIZE_MAX / 8 + 2); }));
    assert_true(throws<std::bad_alloc>([&] { (void)give.allocate(SIZE_MAX / 64); }));
    assert_true(throws<std::bad_alloc>([&] { (void)give.allocate(SIZE_MAX / 64, &give); }));
    assert_true(throws<std::bad_alloc>([&] { (void)memory.allocate(PTRDIFF_MAX); }));
    assert_true(throws<std::bad_alloc>([&] { (void)memory.allocate(8, std::size_t{1} << 31); }));
    assert_true(throws<std::system_error>([] { buddy::resource none(small_heap(1)); }));
    assert_true(throws<std::system_error>([] { buddy::pool<int> none(0); }));
    expect_empty(memory.get());
}

/* ---- equality ---- */

void who_shares_a_heap_is_equal(void **)
{
    buddy::resource one(small_heap()), two(small_heap()), guest(one.get());
    assert_true(buddy::allocator<int>(one.get()) == buddy::allocator<long>(guest.get()));
    assert_true(buddy::allocator<int>(one.get()) != buddy::allocator<int>(two.get()));
    assert_true(one.is_equal(one) && !one.is_equal(two));
    assert_false(one.is_equal(*std::pmr::new_delete_resource()));
#ifdef __cpp_rtti
    assert_true(one.is_equal(guest));
#endif
    {
        std::list<int, buddy::allocator<int>> a(3, 1, one.get()), b(two.get());
        const int *first = &a.front();
        b = std::move(a); /* takes its heap along */
        assert_true(&b.front() == first && b.get_allocator().get() == one.get());
        std::list<int, buddy::allocator<int>> c(two.get());
        c = b; /* keeps its own */
        assert_true(c == b && c.get_allocator().get() == two.get());
        c.swap(b);
        assert_true(&c.front() == first && b.get_allocator().get() == two.get());
    }
    expect_empty(one.get());
    expect_empty(two.get());
}

/* ---- typed pools ---- */

/* Counts itself, and does not want to be made when `fuse` has burnt down. */
struct counted {
    static int alive, fuse;
    int value[3];

    explicit counted(int v = 0) : value{v, v + 1, v + 2}
    {
        if (fuse-- == 0) {
            throw std::runtime_error("no");
        }
        alive++;
    }

    ~counted()
    {
        alive--;
    }

    counted(const counted &) = delete;
    counted &operator=(const counted &) = delete;
};

int counted::alive, counted::fuse;

buddy_pool_desc checked_pool(std::size_t capacity)
{
    buddy_pool_desc desc = {};
    desc.capacity = capacity;
    desc.checked = true;
    return desc;
}

void expect_live(const buddy::pool<counted> &p, int live)
{
    buddy_pool_stats stats;
    buddy_pool_get_stats(p.get(), &stats);
    assert_int_equal(stats.live, live);
    assert_int_equal(stats.errors, 0);
    assert_int_equal(counted::alive, live);
    expect_whole(buddy_pool_check(p.get()));
}

void objects_are_made_and_destroyed(void **)
{
    counted::fuse = -1;
    buddy::pool<counted> p(checked_pool(1000));
    counted *one = p.make(5), *two = p.make_near(one, 6), *array = p.make_array(13);
    counted *near = p.make_array_near(one, 0);
    assert_true(one->value[2] == 7 && two->value[0] == 6 && array[12].value[1] == 1);
    {
        buddy::pool<counted>::unique own = p.make_unique(9), moved = std::move(own);
        assert_true(own == nullptr && moved->value[0] == 9);
        expect_live(p, 17);
    }
    buddy::pool<counted> elsewhere(std::move(p)); /* the objects stay where they are */
    elsewhere.destroy(one);
    elsewhere.destroy(nullptr);
    elsewhere.destroy(two);
    elsewhere.destroy_array(near, 0);
    elsewhere.destroy_array(array, 13);
    elsewhere.destroy_array(nullptr, 5);
    expect_live(elsewhere, 0);
}

void what_a_constructor_throws_gives_the_memory_back(void **)
{
    buddy::pool<counted> p(checked_pool(100));
    for (int fuse = 0; fuse < 20; fuse++) {
        counted::fuse = fuse;
        assert_true(throws<std::runtime_error>([&] { (void)p.make_array(20); }));
        expect_live(p, 0);
    }
    counted::fuse = 0;
    assert_true(throws<std::runtime_error>([&] { (void)p.make(1); }));
    counted::fuse = 0;
    assert_true(throws<std::runtime_error>([&] { (void)p.make_unique(1); }));
    counted::fuse = -1;
    assert_true(throws<std::bad_alloc>([&] { (void)p.make_array(101); }));
    expect_live(p, 0);
}

void a_walk_meets_the_live_objects_ascending(void **)
{
    counted::fuse = -1;
    buddy::pool<counted> p(checked_pool(1000));
    assert_true(p.begin() == p.end());
    std::set<counted *> live;
    for (int step = 0; step < 3000; step++) {
        if (live.empty() || (live.size() < 1000 && seed_below(&seed, 2) != 0)) {
            assert_true(live.insert(p.make(step)).second);
        } else {
            auto victim = at(live, seed_below(&seed, static_cast<std::uint32_t>(live.size())));
            p.destroy(*victim);
            live.erase(victim);
        }
        if (step % 100 == 0) {
            auto expected = live.begin();
            for (counted &one : p) {
                assert_true(expected != live.end() && &one == *expected++);
            }
            assert_true(expected == live.end());
        }
    }
    for (counted &one : p) {
        p.destroy(&one);
    }
    expect_live(p, 0);
}

} // namespace

int main()
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_container_lives_on_the_allocator),
        cmocka_unit_test(every_container_lives_on_the_resource),
        cmocka_unit_test(strings_in_maps_take_the_resource_along),
        cmocka_unit_test(elements_of_a_vector_lie_side_by_side_in_one_block),
        cmocka_unit_test(blocks_are_aligned_as_their_type),
        cmocka_unit_test(a_hint_is_followed),
        cmocka_unit_test(a_full_heap_throws_and_leaves_the_container_as_it_was),
        cmocka_unit_test(impossible_requests_throw_by_name),
        cmocka_unit_test(who_shares_a_heap_is_equal),
        cmocka_unit_test(objects_are_made_and_destroyed),
        cmocka_unit_test(what_a_constructor_throws_gives_the_memory_back),
        cmocka_unit_test(a_walk_meets_the_live_objects_ascending),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
