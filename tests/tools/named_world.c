/* named_world.c: named_world WORLD.mega NAME: writes a world of one page whose layer has this name,
 * which no option of bake can give it. For messages_cli.sh. */
#include "tools/bake/writer/pagewriter.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    static const uint8_t texels[VT_PAGE_TEXELS * VT_PAGE_TEXELS * 4];
    if (argc != 3) {
        return 2;
    }
    pagewriter_desc desc = {.path = argv[1], .layer_count = 1};
    pagewriter *writer = NULL;
    packer *pack = packer_create();
    if (pack == NULL || !page_shape_make(64, 64, 4, &desc.shape)) {
        return 1;
    }
    desc.layers[0].format = VT_TEXEL_RGBA8;
    (void)snprintf(desc.layers[0].name, sizeof desc.layers[0].name, "%s", argv[2]);
    const pagewriter_packed packed =
        pagewriter_pack(pack, VT_TEXEL_RGBA8, texels, (pagewriter_packing){.codec = PAGE_LZ4});
    bool good = packed.data != NULL && pagewriter_create(&desc, &writer) == PAGEFILE_OK;
    for (uint32_t mip = 0; mip < desc.shape.mips && good; mip++) {
        good = pagewriter_put(writer, (vt_page){.mip = (uint8_t)mip}, &packed) == PAGEFILE_OK;
    }
    good = good && pagewriter_commit(writer) == PAGEFILE_OK;
    free(packed.data);
    packer_destroy(pack);
    return good ? 0 : 1;
}
