/* Resident memory: what only the start needed goes back to the file that it came from. */
#include "memory.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

void memory_release(uintptr_t first)
{
	const ElfW(Phdr) *segment = (const void *)getauxval(AT_PHDR);
	uintptr_t page = getauxval(AT_PAGESZ), end;

	first = (first + page - 1) / page * page;
	for (unsigned long i = getauxval(AT_PHNUM); i--; segment++) {
		/* Whole pages only: nothing that can be written to shares one with the last. */
		end = (segment->p_vaddr + segment->p_memsz) / page * page;
		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) &&
		    first >= segment->p_vaddr && first < end)
			madvise((void *)first, end - first, MADV_DONTNEED);
	}
}
