/* stamp.c - a bounds-checked reader of one ELF note: see stamp.h */
#include <elf.h>
#include <string.h>

#include "operator/contract.h"
#include "operator/stamp.h"

#if defined(__x86_64__)
enum { THIS_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { THIS_MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { THIS_MACHINE = EM_RISCV };
#elif defined(__powerpc64__)
enum { THIS_MACHINE = EM_PPC64 };
#elif defined(__s390x__)
enum { THIS_MACHINE = EM_S390 };
#else
#error "which e_machine do shared objects have here?"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { THIS_ORDER = ELFDATA2MSB };
#else
enum { THIS_ORDER = ELFDATA2LSB };
#endif

struct view {
    const char *bytes;
    size_t size;
};

/* Copy `size` bytes from `offset`; false if they are not all there.  Nothing is ever read in place,
 * so that neither alignment nor a wild offset matters. */
static bool take(const struct view *view, uint64_t offset, void *to, size_t size)
{
    if (offset > view->size || size > view->size - offset)
        return false;
    memcpy(to, view->bytes + offset, size);
    return true;
}

/* The part of the view that is [offset, offset + size), cut where the view ends. */
static struct view part_of(const struct view *view, uint64_t offset, uint64_t size)
{
    struct view part = {0};

    if (offset < view->size) {
        part.bytes = view->bytes + offset;
        part.size = size < view->size - offset ? (size_t)size : view->size - (size_t)offset;
    }
    return part;
}

static uint64_t round_up(uint64_t size)
{
    return (size + 3) & ~(uint64_t)3;
}

/* Go through the notes that lie one after another.  A stamp of another interface may be longer or
 * shorter than ours; what there is of it is taken, for its number comes first. */
static bool find_note(const struct view *notes, sheaf_stamp *stamp)
{
    const size_t least = offsetof(sheaf_stamp, abi) + sizeof stamp->abi;
    uint64_t at = 0;
    Elf64_Nhdr head;

    while (take(notes, at, &head, sizeof head)) {
        uint64_t size = sizeof head + round_up(head.n_namesz) + round_up(head.n_descsz);

        memset(stamp, 0, sizeof *stamp);
        if (head.n_namesz == sizeof stamp->owner && size >= least &&
            take(notes, at, stamp, size < sizeof *stamp ? (size_t)size : sizeof *stamp) &&
            memcmp(stamp->owner, "sheaf\0\0", sizeof stamp->owner) == 0)
            return true;
        at += size;
    }
    return false;
}

static bool find_in_segments(const struct view *file, const Elf64_Ehdr *head, sheaf_stamp *stamp)
{
    Elf64_Phdr segment;

    for (uint32_t i = 0; i < head->e_phnum; i++) {
        if (!take(file, head->e_phoff + (uint64_t)i * sizeof segment, &segment, sizeof segment))
            return false;
        struct view notes = part_of(file, segment.p_offset, segment.p_filesz);
        if (segment.p_type == PT_NOTE && find_note(&notes, stamp))
            return true;
    }
    return false;
}

/* A compiler may call the section PROGBITS, and then no segment is a note: look by its name. */
static bool find_in_sections(const struct view *file, const Elf64_Ehdr *head, sheaf_stamp *stamp)
{
    static const char wanted[] = ".note.sheaf";
    Elf64_Shdr names, section;
    char name[sizeof wanted];

    if (!take(file, head->e_shoff + (uint64_t)head->e_shstrndx * sizeof names, &names,
              sizeof names))
        return false;
    for (uint32_t i = 0; i < head->e_shnum; i++) {
        if (!take(file, head->e_shoff + (uint64_t)i * sizeof section, &section, sizeof section))
            return false;
        struct view strings = part_of(file, names.sh_offset, names.sh_size);
        struct view notes = part_of(file, section.sh_offset, section.sh_size);
        if (section.sh_type != SHT_NOBITS && take(&strings, section.sh_name, name, sizeof name) &&
            memcmp(name, wanted, sizeof name) == 0 && find_note(&notes, stamp))
            return true;
    }
    return false;
}

/* The cause why this is not a shared object that could be loaded here; NULL if it is one. */
static const char *is_foreign(const struct view *file, Elf64_Ehdr *head)
{
    memset(head, 0, sizeof *head);
    if (file->size < EI_NIDENT || memcmp(file->bytes, ELFMAG, SELFMAG) != 0)
        return "not a shared object (no ELF file)";
    if (file->bytes[EI_CLASS] != ELFCLASS64)
        return "not a shared object of 64 bits";
    if (file->bytes[EI_DATA] != THIS_ORDER)
        return "made for a machine with the other byte order";
    if (!take(file, 0, head, sizeof *head))
        return "cut short";
    if (head->e_machine != THIS_MACHINE)
        return "made for another kind of processor";
    if (head->e_type != ET_DYN)
        return "not a shared object";
    if ((head->e_phnum && head->e_phentsize != sizeof(Elf64_Phdr)) ||
        (head->e_shnum && head->e_shentsize != sizeof(Elf64_Shdr)))
        return "damaged";
    return NULL;
}

/* All that loading will map must be in the file, else dlopen() dies of SIGBUS. */
static bool is_complete(const struct view *file, const Elf64_Ehdr *head)
{
    Elf64_Phdr segment;

    for (uint32_t i = 0; i < head->e_phnum; i++)
        if (!take(file, head->e_phoff + (uint64_t)i * sizeof segment, &segment, sizeof segment) ||
            segment.p_offset > file->size || segment.p_filesz > file->size - segment.p_offset)
            return false;
    return true;
}

static sheaf_status refuse(sheaf_error *error, const char *path, const char *why)
{
    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 701, "%s: not a plug-in: %s", path, why);
    sheaf_error_help(error, "Give the operator's .c file, and sheaf compiles it, or compile it "
                            "again on this machine.");
    return SHEAF_BAD_OPERATOR;
}

static sheaf_status refuse_number(sheaf_error *error, const char *path, const char *what,
                                  uint32_t theirs, uint32_t ours)
{
    sheaf_operator_error(error, SHEAF_BAD_OPERATOR, 702,
                         "%s: compiled for %s %u, but this sheaf has %u", path, what, theirs, ours);
    sheaf_error_help(error, "Compile it again with this sheaf's headers, or give the .c file.");
    return SHEAF_BAD_OPERATOR;
}

sheaf_status sheaf_stamp_read(const char *path, const void *bytes, size_t size, sheaf_stamp *stamp,
                              sheaf_error *error)
{
    struct view file = {bytes, size};
    Elf64_Ehdr head;
    const char *foreign = is_foreign(&file, &head);

    if (foreign)
        return refuse(error, path, foreign);
    if (!is_complete(&file, &head))
        return refuse(error, path, "cut short");
    if (!find_in_segments(&file, &head, stamp) && !find_in_sections(&file, &head, stamp))
        return refuse(error, path, "it has no stamp; does it say SHEAF_OPERATOR(name) = {...}; ?");
    if (stamp->abi != SHEAF_OPERATOR_ABI)
        return refuse_number(error, path, "operator interface", stamp->abi, SHEAF_OPERATOR_ABI);
    if (stamp->data_size != sizeof *stamp - offsetof(sheaf_stamp, abi) || stamp->type != 1)
        return refuse(error, path, "its stamp is damaged");
    if (stamp->operator_size != sizeof(sheaf_operator))
        return refuse_number(error, path, "operator tables of size", stamp->operator_size,
                             sizeof(sheaf_operator));
    if (stamp->batch_rows != SHEAF_BATCH_ROWS)
        return refuse_number(error, path, "batches of", stamp->batch_rows, SHEAF_BATCH_ROWS);
    if (!memchr(stamp->name, '\0', sizeof stamp->name) || !stamp->name[0])
        return refuse(error, path, "its stamp has no name");
    return SHEAF_OK;
}
