/*
 * Expressions: a recursive-descent parser, a tree with visitors, and threaded
 * code.  An instruction holds the address of the function that carries it out,
 * and each such function ends in an indirect tail call of the next: `jmp *mem`.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "logq.h"

/* ---- the tree --------------------------------------------------------------- */

enum kind { NUMBER, STRING, COLUMN, NOT, NEGATE, AND, OR, BINARY };

struct node {
	enum kind kind;
	const struct operator *operator;
	struct node *left, *right;
	const char *text;
	union value value; /* a constant, or the number of a column */
	int is_string;
};

/* ---- threaded code ------------------------------------------------------------ */

struct insn;
typedef long op_fn(const struct insn *pc, long *sp, const struct row *row);

struct insn {
	op_fn *op;
	long arg;
};

struct expr {
	struct node *root;
	int count;
	struct insn code[64];
};

#define NEXT(pc, sp) return (pc)[1].op((pc) + 1, (sp), row)
#define BINARY_OP(name, result)                                                        \
	static long op_##name(const struct insn *pc, long *sp, const struct row *row)  \
	{                                                                              \
		long a = sp[-2], b = sp[-1];                                           \
									       \
		sp[-2] = (result);                                                     \
		NEXT(pc, sp - 1);                                                      \
	}

BINARY_OP(eq, a == b)
BINARY_OP(ne, a != b)
BINARY_OP(lt, a < b)
BINARY_OP(le, a <= b)
BINARY_OP(gt, a > b)
BINARY_OP(ge, a >= b)
BINARY_OP(add, a + b)
BINARY_OP(sub, a - b)
BINARY_OP(mul, a * b)
BINARY_OP(div, b ? a / b : 0)
BINARY_OP(mod, b ? a % b : 0)
BINARY_OP(contains, strstr((const char *)a, (const char *)b) != NULL)

static long op_push(const struct insn *pc, long *sp, const struct row *row)
{
	*sp = pc->arg;
	NEXT(pc, sp + 1);
}

static long op_column(const struct insn *pc, long *sp, const struct row *row)
{
	*sp = row->cell[pc->arg].num;
	NEXT(pc, sp + 1);
}

static long op_not(const struct insn *pc, long *sp, const struct row *row)
{
	sp[-1] = !sp[-1];
	NEXT(pc, sp);
}

static long op_negate(const struct insn *pc, long *sp, const struct row *row)
{
	sp[-1] = -sp[-1];
	NEXT(pc, sp);
}

/* The two jumps keep the value that decided, and drop one that did not. */
static long op_and(const struct insn *pc, long *sp, const struct row *row)
{
	if (sp[-1])
		NEXT(pc, sp - 1);
	NEXT(pc + pc->arg, sp);
}

static long op_or(const struct insn *pc, long *sp, const struct row *row)
{
	if (!sp[-1])
		NEXT(pc, sp - 1);
	NEXT(pc + pc->arg, sp);
}

static long op_return(const struct insn *pc, long *sp, const struct row *row)
{
	(void)pc, (void)row;
	return sp[-1];
}

enum { NUMBERS = 1, STRINGS = 2, TIGHTEST = 4 };

static const struct operator {
	const char *text;
	int level; /* binds tighter when higher */
	enum kind kind;
	op_fn *op;
	int takes;
} operators[] = {
	{ "||", 0, OR, op_or, NUMBERS },
	{ "&&", 1, AND, op_and, NUMBERS },
	{ "==", 2, BINARY, op_eq, NUMBERS | STRINGS },
	{ "!=", 2, BINARY, op_ne, NUMBERS | STRINGS },
	{ "<=", 2, BINARY, op_le, NUMBERS },
	{ ">=", 2, BINARY, op_ge, NUMBERS },
	{ "<", 2, BINARY, op_lt, NUMBERS },
	{ ">", 2, BINARY, op_gt, NUMBERS },
	{ "~", 2, BINARY, op_contains, STRINGS },
	{ "+", 3, BINARY, op_add, NUMBERS },
	{ "-", 3, BINARY, op_sub, NUMBERS },
	{ "*", 4, BINARY, op_mul, NUMBERS },
	{ "/", 4, BINARY, op_div, NUMBERS },
	{ "%", 4, BINARY, op_mod, NUMBERS },
};

/* ---- visitors ------------------------------------------------------------------ */

struct visitor {
	void (*enter)(struct visitor *v, const struct node *n);
	void (*between)(struct visitor *v, const struct node *n);
	void (*leave)(struct visitor *v, const struct node *n);
};

static void walk(const struct node *n, struct visitor *v)
{
	v->enter(v, n);
	if (n->left)
		walk(n->left, v);
	if (n->right) {
		v->between(v, n);
		walk(n->right, v);
	}
	return v->leave(v, n);
}

struct printer {
	struct visitor visitor;
	char *out;
	size_t size, used;
};

static void print_text(struct printer *p, const char *text)
{
	p->used += (size_t)snprintf(p->out + p->used, p->size - p->used, "%s", text);
	if (p->used >= p->size)
		p->used = p->size - 1;
}

static void print_enter(struct visitor *v, const struct node *n)
{
	struct printer *p = (struct printer *)v;

	if (n->left)
		print_text(p, "(");
	print_text(p, n->text);
	if (n->left)
		print_text(p, " ");
}

static void print_between(struct visitor *v, const struct node *n)
{
	(void)n;
	print_text((struct printer *)v, " ");
}

static void print_leave(struct visitor *v, const struct node *n)
{
	if (n->left)
		print_text((struct printer *)v, ")");
}

void expr_describe(const struct expr *e, char *out, size_t size)
{
	struct printer p = { { print_enter, print_between, print_leave }, out, size, 0 };

	out[0] = '\0';
	walk(e->root, &p.visitor);
}

enum { MAX_DEPTH = 16 };

struct compiler {
	struct visitor visitor;
	struct expr *expr;
	int patch[MAX_DEPTH], patches;
};

static void emit(struct expr *e, op_fn *op, long arg)
{
	if (e->count == sizeof e->code / sizeof e->code[0])
		die("expression too long", "");
	e->code[e->count++] = (struct insn){ op, arg };
}

static void compile_enter(struct visitor *v, const struct node *n)
{
	(void)v, (void)n;
}

static void compile_between(struct visitor *v, const struct node *n)
{
	struct compiler *c = (struct compiler *)v;

	if (n->kind != AND && n->kind != OR)
		return;
	if (c->patches == MAX_DEPTH)
		die("expression too deep", "");
	c->patch[c->patches++] = c->expr->count;
	emit(c->expr, n->operator->op, 0);
}

static void compile_leave(struct visitor *v, const struct node *n)
{
	struct compiler *c = (struct compiler *)v;
	int site;

	switch (n->kind) {
	case NUMBER:
	case STRING:
		return emit(c->expr, op_push, n->value.num);
	case COLUMN:
		return emit(c->expr, op_column, n->value.num);
	case NOT:
		return emit(c->expr, op_not, 0);
	case NEGATE:
		return emit(c->expr, op_negate, 0);
	case AND:
	case OR:
		site = c->patch[--c->patches];
		c->expr->code[site].arg = c->expr->count - site - 1;
		return;
	case BINARY:
		return emit(c->expr, n->operator->op, 0);
	}
}

long expr_eval(const struct expr *e, const struct row *row)
{
	long stack[sizeof e->code / sizeof e->code[0]];

	return e->code[0].op(e->code, stack, row);
}

/* ---- the parser ------------------------------------------------------------------ */

struct parser {
	const char *at;
	const struct schema *schema;
	int depth;
};

static struct node *parse_level(struct parser *p, int level);

static int accept(struct parser *p, const char *token)
{
	size_t length = strlen(token);

	p->at += strspn(p->at, " \t");
	if (strncmp(p->at, token, length))
		return 0;
	p->at += length;
	return 1;
}

static struct node *new_node(enum kind kind, const char *text, struct node *left, struct node *right)
{
	struct node *n = allocate(sizeof *n);

	*n = (struct node){ .kind = kind, .text = text, .left = left, .right = right };
	return n;
}

static size_t span(const char *s, int (*in_token)(int))
{
	size_t n = 0;

	while (in_token((unsigned char)s[n]))
		n++;
	return n;
}

static struct node *parse_primary(struct parser *p)
{
	struct node *n;
	size_t length;

	if (++p->depth > MAX_DEPTH)
		die("expression too deep at", p->at);
	if (accept(p, "(")) {
		n = parse_level(p, 0);
		if (!accept(p, ")"))
			die("expected ) at", p->at);
	} else if (accept(p, "!")) {
		n = new_node(NOT, "!", parse_primary(p), NULL);
	} else if (accept(p, "-")) {
		n = new_node(NEGATE, "-", parse_primary(p), NULL);
	} else if (accept(p, "\"")) {
		length = strcspn(p->at, "\"");
		if (!p->at[length])
			die("unterminated string", p->at);
		n = new_node(STRING, intern(p->at - 1, length + 2), NULL, NULL);
		n->value.str = intern(p->at, length);
		n->is_string = 1;
		p->at += length + 1;
	} else if ((length = span(p->at, isdigit))) {
		n = new_node(NUMBER, intern(p->at, length), NULL, NULL);
		int_type.parse(n->text, &n->value);
		p->at += length;
	} else if ((length = span(p->at, isalpha))) {
		n = new_node(COLUMN, intern(p->at, length), NULL, NULL);
		n->value.num = find_column(p->schema, n->text);
		n->is_string = p->schema->column[n->value.num].type == &str_type;
		p->at += length;
	} else {
		die("expected an operand at", p->at);
	}
	if (n->left && n->left->is_string && !n->right)
		die("not a number after", n->text);
	p->depth--;
	return n;
}

static const struct operator *accept_operator(struct parser *p, int level)
{
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
		if (operators[i].level == level && accept(p, operators[i].text))
			return &operators[i];
	return NULL;
}

static struct node *parse_level(struct parser *p, int level)
{
	const struct operator *o;
	struct node *left, *right;

	if (level > TIGHTEST)
		return parse_primary(p);
	left = parse_level(p, level + 1);
	while ((o = accept_operator(p, level))) {
		right = parse_level(p, level + 1);
		if (left->is_string != right->is_string || !(o->takes & (left->is_string ? STRINGS : NUMBERS)))
			die("operands of the wrong type:", o->text);
		left = new_node(o->kind, o->text, left, right);
		left->operator = o;
	}
	return left;
}

/* Reads an expression from *text and leaves *text after it. */
struct expr *expr_parse(const char **text, const struct schema *schema)
{
	struct parser p = { *text, schema, 0 };
	struct expr *e = allocate(sizeof *e);
	struct compiler c = { { compile_enter, compile_between, compile_leave }, e, { 0 }, 0 };

	e->count = 0;
	e->root = parse_level(&p, 0);
	if (e->root->is_string)
		die("a string is no condition:", e->root->text);
	walk(e->root, &c.visitor);
	emit(e, op_return, 0);
	*text = p.at;
	return e;
}
