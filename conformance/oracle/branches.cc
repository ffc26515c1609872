/* A plugin for gcc 12 on x86-64: lists every indirect branch that the compiler prints, in order.

   gcc calls TARGET_ASM_FINAL_POSTSCAN_INSN with each RTL instruction right behind its assembly text (final.cc,
   final_scan_insn_1). The x86 back end leaves that hook empty, so it is ours. It sees what no pass sees: the order of
   the listing, cold parts, functions that are printed without passes (this-adjusting thunks), and what is split only
   while it is printed.

   What the compiler prints as plain text has no RTL and is not listed: its retpoline thunks, profilers' hooks, inline
   assembly.

     gcc -fplugin=./branches.so -fplugin-arg-branches-list=FILE ...

   FILE gets a line for each: the label of the function or of its cold part, a tab, and one of

     call   CALL_INSN whose target is no symbol
     tail   the same with SIBLING_CALL_P
     table  a jump through a table of the function
     goto   any other jump to an address: computed, non-local, longjmp's, eh_return's.  */

#include "gcc-plugin.h"
#include "plugin-version.h"
#include "insn-config.h"
#include "tree.h"
#include "stringpool.h"
#include "rtl.h"
#include "memmodel.h"
#include "tm_p.h"
#include "target.h"
#include "function.h"
#include "emit-rtl.h"
#include "output.h"
#include "recog.h"
#include "attribs.h"
#include "diagnostic-core.h"

int plugin_is_GPL_compatible;

static FILE *list;

/* Whether a call of SYMBOL goes through its GOT entry although the RTL names it: -fno-plt and the attribute noplt in
   code for a fixed address (i386.cc, ix86_nopic_noplt_attribute_p).  */

static bool
through_got (const_rtx symbol)
{
  if (flag_pic || ix86_cmodel == CM_LARGE || SYMBOL_REF_LOCAL_P (symbol))
    return false;
  tree decl = SYMBOL_REF_DECL (symbol);
  return !flag_plt || (decl && lookup_attribute ("noplt", DECL_ATTRIBUTES (decl)));
}

/* Whether the call INSN is printed with an address in its operand and not a symbol.  */

static bool
indirect_call (const rtx_insn *insn)
{
  rtx target = XEXP (XEXP (get_call_rtx_from (insn), 0), 0);
  if (CONST_INT_P (target)) /* vzeroupper is a CALL_INSN, of nothing at 0.  */
    return false;
  if (GET_CODE (target) == CONST)
    return GET_CODE (XEXP (target, 0)) == UNSPEC;
  if (GET_CODE (target) != SYMBOL_REF)
    return true;
  /* The thread-local sequences have a rule of their own (i386.md, *tls_global_dynamic_64 and the like).  */
  if (recog_memoized (const_cast<rtx_insn *> (insn)) >= 0 && strstr (get_insn_name (INSN_CODE (insn)), "tls_"))
    return !flag_plt;
  return through_got (target);
}

/* The kind of branch that INSN is, null when it is none or direct.  */

static const char *
kind (rtx_insn *insn)
{
  if (asm_noperands (PATTERN (insn)) >= 0)
    return nullptr;
  if (CALL_P (insn))
    return !indirect_call (insn) ? nullptr : SIBLING_CALL_P (insn) ? "tail" : "call";
  if (JUMP_P (insn))
    {
      if (tablejump_p (insn, nullptr, nullptr))
	return "table";
      /* A return to an address in a register: eh_return's, where there are shadow stacks.  */
      rtx body = PATTERN (insn);
      bool to_register = GET_CODE (body) == PARALLEL && ANY_RETURN_P (XVECEXP (body, 0, 0))
			 && GET_CODE (XVECEXP (body, 0, 1)) == USE && REG_P (XEXP (XVECEXP (body, 0, 1), 0));
      return to_register || computed_jump_p (insn) ? "goto" : nullptr;
    }
  /* A TLS descriptor's call is an INSN, since it clobbers next to nothing (-mtls-dialect=gnu2).  */
  if (NONJUMP_INSN_P (insn) && recog_memoized (insn) >= 0
      && strstr (get_insn_name (INSN_CODE (insn)), "tls_dynamic_gnu2_call"))
    return "call";
  return nullptr;
}

static void
printed (FILE *, rtx_insn *insn, rtx *, int)
{
  if (const char *found = kind (insn))
    {
      tree name = DECL_ASSEMBLER_NAME (current_function_decl);
      const char *label = targetm.strip_name_encoding (IDENTIFIER_POINTER (name));
      /* Behind the switch of sections inside a function, which the first block's section tells.  */
      bool behind = in_cold_section_p != first_function_block_is_cold;
      fprintf (list, "%s%s\t%s\n", label, behind ? ".cold" : "", found);
    }
}

static void
finish (void *, void *)
{
  if (fclose (list))
    fatal_error (UNKNOWN_LOCATION, "the list of branches cannot be written: %m");
}

int
plugin_init (plugin_name_args *arguments, plugin_gcc_version *version)
{
  if (!plugin_default_version_check (version, &gcc_version))
    fatal_error (UNKNOWN_LOCATION, "the plugin was built for gcc %s", gcc_version.basever);
  if (targetm.asm_out.final_postscan_insn)
    fatal_error (UNKNOWN_LOCATION, "this compiler has its own postscan hook");
  if (arguments->argc != 1 || strcmp (arguments->argv[0].key, "list") || !arguments->argv[0].value)
    fatal_error (UNKNOWN_LOCATION, "the plugin takes one argument: list=FILE");
  list = fopen (arguments->argv[0].value, "w");
  if (!list)
    fatal_error (UNKNOWN_LOCATION, "%s cannot be written: %m", arguments->argv[0].value);
  targetm.asm_out.final_postscan_insn = printed;
  register_callback (arguments->base_name, PLUGIN_FINISH, finish, nullptr);
  return 0;
}
