/* stl.hpp: the heap and the typed pools for C++17: memory for every container of the standard
 * library, and pools that construct and destroy.
 *
 *     buddy::resource memory(desc);                         // std::pmr, over a heap of its own
 *     std::pmr::map<int, std::pmr::string> names(&memory);
 *
 *     buddy_heap *h = memory.get();                               // or any other heap
 *     std::list<int, buddy::allocator<int>> list(h);        // the classic way
 *     std::vector<int, buddy::allocator<int>> vector(h);    // and why not: see below
 *
 *     buddy::pool<node> nodes(100000);                      // exactly sizeof(node) each
 *     node *one = nodes.make(1, 2), *two = nodes.make_near(one, 3, 4);
 *     nodes.destroy(two), nodes.destroy(one);
 *
 * vector and string need their elements side by side in one piece of memory, and get a new piece
 * when they grow. An allocator that hands out nodes of one size cannot serve them. A buddy can: a
 * block of order k is 2^k units side by side, so an array is a request like any other; the heap
 * rounds it up to the next power of two, by which vectors grow anyway.
 *
 * Sizes: containers say at every deallocation how large a block was. The heap checks that, and a
 * wrong size, a foreign pointer or a second free is an assert in debug builds; in others nothing is
 * changed, and buddy_heap_desc.on_error is told.
 *
 * In a plugin, which dlclose unloads: see magazine.h. Static objects of these classes may live
 * until then. (g++ may pin a plugin by unique symbols of the standard library; -fno-gnu-unique.)
 *
 * Threads: as heap.h and pool.h say, any. Containers themselves have what rules they always had.
 *
 * `buddy` is the C type of buddy.h too, so C++ gives that struct, of which nobody outside the core
 * ever sees the inside, these members and makes no object of it. A namespace of that name could not
 * stand beside it. */
#ifndef BUDDY_STL_HPP
#define BUDDY_STL_HPP

#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <memory_resource>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

#include "heap.h"
#include "pool.h"

struct buddy {
    class resource;
    template <class T> class allocator;
    template <class T> class pool;

    buddy() = delete;

  private:
    /* Every block of a heap is aligned so: no unit is smaller. */
    static constexpr std::size_t least_alignment = 16;

    static void *take(::buddy_heap *h, std::size_t bytes, std::size_t alignment);
    static void give_back(::buddy_heap *h, void *block, std::size_t bytes) noexcept;
    template <class T> static T *created(T *made, const char *what);
};

/* ---- what the parts below share ---- */

/* A block, or std::bad_alloc. */
inline void *buddy::take(::buddy_heap *h, std::size_t bytes, std::size_t alignment)
{
    void *block = alignment <= least_alignment ? buddy_heap_alloc(h, bytes)
                                               : buddy_heap_aligned(h, alignment, bytes);
    if (block == nullptr) {
        throw std::bad_alloc();
    }
    return block;
}

inline void buddy::give_back(::buddy_heap *h, void *block, std::size_t bytes) noexcept
{
    buddy_heap_status status = buddy_heap_free_sized(h, block, bytes);
    assert(status == BUDDY_HEAP_OK);
    (void)status; // for builds without asserts
}

/* What a create function of C has made; std::system_error with errno where it is nothing. */
template <class T> T *buddy::created(T *made, const char *what)
{
    if (made == nullptr) {
        throw std::system_error(errno, std::generic_category(), what);
    }
    return made;
}

/* ---- std::pmr ---- */

/* A memory resource over a heap. It must outlive its containers, and a borrowed heap must outlive
 * it. Two are equal where their heap is the same; without run-time type information (-fno-rtti)
 * another resource's kind cannot be told, so each is equal to itself alone: containers then copy
 * where they could have moved. */
class buddy::resource final : public std::pmr::memory_resource
{
  public:
    /* With a heap of its own. Throws std::system_error when desc is impossible or the system gives
     * no memory. */
    explicit resource(const buddy_heap_desc &desc)
        : heap_(created(buddy_heap_create(&desc), "buddy_heap_create")), owned_(true)
    {
    }

    /* With a borrowed one, which is not null. */
    explicit resource(::buddy_heap *borrowed) noexcept : heap_(borrowed), owned_(false)
    {
    }

    resource(const resource &) = delete;
    resource &operator=(const resource &) = delete;

    ~resource() override
    {
        if (owned_) {
            buddy_heap_destroy(heap_);
        }
    }

    ::buddy_heap *get() const noexcept
    {
        return heap_;
    }

  private:
    /* Throws std::bad_alloc when no block fits, or none so aligned. */
    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        return take(heap_, bytes, alignment);
    }

    void do_deallocate(void *block, std::size_t bytes, std::size_t) override
    {
        give_back(heap_, block, bytes);
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        const resource *same = same_kind(other);
        return this == &other || (same != nullptr && same->heap_ == heap_);
    }

#ifdef __cpp_rtti
    static const resource *same_kind(const std::pmr::memory_resource &other) noexcept
    {
        return dynamic_cast<const resource *>(&other);
    }
#else
    static const resource *same_kind(const std::pmr::memory_resource &) noexcept
    {
        return nullptr;
    }
#endif

    ::buddy_heap *heap_;
    bool owned_;
};

/* ---- the classic allocator ---- */

/* For any container. Borrows the heap, which is not null and outlives the containers. Equal where
 * the heap is the same. A container keeps its heap when it is copied into; moved or swapped, it
 * takes its heap along, so that no element has to be moved. */
template <class T> class buddy::allocator
{
    template <class U> friend class buddy::allocator;

  public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;

    /* Implicit, as std::pmr::polymorphic_allocator is: a container may be given the heap itself. */
    allocator(::buddy_heap *borrowed) noexcept : heap_(borrowed)
    {
    }

    template <class U> allocator(const allocator<U> &other) noexcept : heap_(other.heap_)
    {
    }

    /* `count` objects side by side, not constructed. Throws std::bad_array_new_length when there
     * can be no so many, std::bad_alloc when no block fits. */
    T *allocate(std::size_t count)
    {
        return static_cast<T *>(take(heap_, bytes_of(count), alignof(T)));
    }

    /* As above, near the object at `hint`: see buddy_heap_alloc_near. What is aligned to more than
     * 16 bytes is taken from anywhere. The library's containers pass no hint; who links nodes does.
     */
    T *allocate(std::size_t count, const void *hint)
    {
        if constexpr (alignof(T) > least_alignment) {
            return allocate(count);
        } else {
            void *block = buddy_heap_alloc_near(heap_, bytes_of(count), hint);
            if (block == nullptr) {
                throw std::bad_alloc();
            }
            return static_cast<T *>(block);
        }
    }

    void deallocate(T *objects, std::size_t count) noexcept
    {
        give_back(heap_, objects, count * sizeof(T));
    }

    ::buddy_heap *get() const noexcept
    {
        return heap_;
    }

    template <class U>
    friend bool operator==(const allocator &a, const buddy::allocator<U> &b) noexcept
    {
        return a.get() == b.get();
    }

    template <class U>
    friend bool operator!=(const allocator &a, const buddy::allocator<U> &b) noexcept
    {
        return a.get() != b.get();
    }

  private:
    static std::size_t bytes_of(std::size_t count)
    {
        if (count > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) {
            throw std::bad_array_new_length();
        }
        return count * sizeof(T);
    }

    ::buddy_heap *heap_;
};

/* ---- typed pools ---- */

/* Objects of one type, exactly as large as they are: BUDDY_POOL of pool.h with constructors. Owns
 * its memory. What is live when the pool goes is not destroyed, as with any memory.
 *
 * Errors: what makes an object throws std::bad_alloc when the pool is full, and what its
 * constructor throws; then all is as it was. */
template <class T> class buddy::pool
{
    struct pool_destroyer {
        void operator()(::buddy_pool *p) const noexcept
        {
            buddy_pool_destroy(p);
        }
    };

  public:
    /* Gives an object back: for std::unique_ptr. Holds the pool below, so this one may be moved. */
    class deleter
    {
      public:
        deleter() noexcept = default;

        explicit deleter(::buddy_pool *from) noexcept : from_(from)
        {
        }

        void operator()(T *object) const noexcept
        {
            put(from_, object);
        }

      private:
        ::buddy_pool *from_ = nullptr;
    };

    using unique = std::unique_ptr<T, deleter>;

    /* Over the live objects, ascending: what name_next of pool.h says of threads holds here too. */
    class iterator
    {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = T *;
        using reference = T &;

        iterator() noexcept = default;

        iterator(const ::buddy_pool *p, T *at) noexcept : pool_(p), at_(at)
        {
        }

        T &operator*() const noexcept
        {
            return *at_;
        }

        T *operator->() const noexcept
        {
            return at_;
        }

        iterator &operator++() noexcept
        {
            at_ = next(pool_, at_);
            return *this;
        }

        iterator operator++(int) noexcept
        {
            iterator before = *this;
            ++*this;
            return before;
        }

        friend bool operator==(const iterator &a, const iterator &b) noexcept
        {
            return a.at_ == b.at_;
        }

        friend bool operator!=(const iterator &a, const iterator &b) noexcept
        {
            return a.at_ != b.at_;
        }

      private:
        const ::buddy_pool *pool_ = nullptr;
        T *at_ = nullptr; // null: past the last
    };

    /* Throws std::system_error when desc is impossible or the system gives no memory. */
    explicit pool(const buddy_pool_desc &desc)
        : pool_(created(buddy_pool_create(&desc, sizeof(T), alignof(T)), "buddy_pool_create"))
    {
    }

    /* With room for so many, and all else as buddy_pool_desc says by default. */
    explicit pool(std::size_t capacity) : pool(desc_of(capacity))
    {
    }

    /* One object made of the arguments. */
    template <class... Arguments> T *make(Arguments &&...arguments)
    {
        return construct(buddy_pool_alloc(get(), sizeof(T)), std::forward<Arguments>(arguments)...);
    }

    /* As make, near `near`, an object of the pool or null: see buddy_try_near. */
    template <class... Arguments> T *make_near(const T *near, Arguments &&...arguments)
    {
        return construct(buddy_pool_alloc_near(get(), near), std::forward<Arguments>(arguments)...);
    }

    /* As make, and given back by itself. */
    template <class... Arguments> unique make_unique(Arguments &&...arguments)
    {
        return unique(make(std::forward<Arguments>(arguments)...), deleter(get()));
    }

    /* `count` objects side by side, each made of nothing (zero where T is a number); 0 counts as
     * 1. */
    T *make_array(std::uint32_t count)
    {
        return construct_array(buddy_pool_alloc_array(get(), count), count);
    }

    T *make_array_near(const T *near, std::uint32_t count)
    {
        return construct_array(buddy_pool_alloc_array_near(get(), near, count), count);
    }

    /* Destroys an object, or `count` of them that lie side by side, and gives them back. They are
     * the pool's and live; null does nothing. */
    void destroy(T *object) noexcept
    {
        put(get(), object);
    }

    void destroy_array(T *array, std::uint32_t count) noexcept
    {
        if (array == nullptr) {
            return;
        }
        count = count != 0 ? count : 1;
        std::destroy_n(array, count);
        buddy_pool_status status = buddy_pool_free_array(get(), array, count);
        assert(status == BUDDY_POOL_OK);
        (void)status; // for builds without asserts
    }

    /* The live objects. Precondition: buddy_pool_desc.checked. */
    iterator begin() const noexcept
    {
        return iterator(get(), next(get(), nullptr));
    }

    iterator end() const noexcept
    {
        return iterator();
    }

    /* The functions of pool.h take it: buddy_pool_get_stats, buddy_pool_check. */
    ::buddy_pool *get() const noexcept
    {
        return pool_.get();
    }

  private:
    /* Gives raw objects back, unless it is told that they have become objects. */
    class raw
    {
      public:
        raw(::buddy_pool *p, void *start, std::uint32_t count) noexcept
            : pool_(p), start_(start), count_(count)
        {
        }

        raw(const raw &) = delete;
        raw &operator=(const raw &) = delete;

        ~raw()
        {
            (void)buddy_pool_free_array(pool_, start_, count_); // null is no error
        }

        void keep() noexcept
        {
            start_ = nullptr;
        }

      private:
        ::buddy_pool *pool_;
        void *start_;
        std::uint32_t count_;
    };

    static buddy_pool_desc desc_of(std::size_t capacity) noexcept
    {
        buddy_pool_desc desc = {};
        desc.capacity = capacity;
        return desc;
    }

    static T *next(const ::buddy_pool *p, const T *after) noexcept
    {
        return static_cast<T *>(buddy_pool_next(p, after));
    }

    static void put(::buddy_pool *p, T *object) noexcept
    {
        if (object == nullptr) {
            return;
        }
        object->~T();
        buddy_pool_status status = buddy_pool_free(p, object, sizeof(T));
        assert(status == BUDDY_POOL_OK);
        (void)status; // for builds without asserts
    }

    template <class... Arguments> T *construct(void *place, Arguments &&...arguments)
    {
        if (place == nullptr) {
            throw std::bad_alloc();
        }
        raw guard(get(), place, 1);
        T *object = ::new (place) T(std::forward<Arguments>(arguments)...);
        guard.keep();
        return object;
    }

    T *construct_array(void *place, std::uint32_t count)
    {
        if (place == nullptr) {
            throw std::bad_alloc();
        }
        count = count != 0 ? count : 1;
        raw guard(get(), place, count);
        T *array = static_cast<T *>(place);
        std::uninitialized_value_construct_n(array, count);
        guard.keep();
        return array;
    }

    std::unique_ptr<::buddy_pool, pool_destroyer> pool_;
};

#endif
