! Indirect calls as Fortran makes them: type-bound procedures, procedure pointers and components, dummy procedures,
! an internal procedure as argument, and array sections that need a descriptor.
module shapes
  implicit none
  private
  public :: shape, circle, square, prism, holder, total, operation

  type, abstract :: shape
    real(8) :: scale = 1
  contains
    procedure(area_of), deferred :: area
    procedure :: weight => shape_weight
  end type

  abstract interface
    function area_of(self) result(area)
      import :: shape
      class(shape), intent(in) :: self
      real(8) :: area
    end function
    pure function operation(x, y) result(z)
      real(8), intent(in) :: x, y
      real(8) :: z
    end function
  end interface

  type, extends(shape) :: circle
    real(8) :: radius = 1
  contains
    procedure :: area => circle_area
  end type

  type, extends(shape) :: square
    real(8) :: side = 1
  contains
    procedure :: area => square_area
    procedure :: weight => square_weight
  end type

  type, extends(square) :: prism
    real(8) :: height = 1
  contains
    procedure :: area => prism_area
  end type

  type :: holder
    class(shape), allocatable :: item
    procedure(operation), pointer, nopass :: combine => null()
  end type

contains

  function circle_area(self) result(area)
    class(circle), intent(in) :: self
    real(8) :: area
    area = 3 * self%radius**2 * self%scale
  end function

  function square_area(self) result(area)
    class(square), intent(in) :: self
    real(8) :: area
    area = self%side**2 * self%scale
  end function

  function prism_area(self) result(area)
    class(prism), intent(in) :: self
    real(8) :: area
    area = 2 * self%square%area() + 4 * self%side * self%height
  end function

  function shape_weight(self) result(weight)
    class(shape), intent(in) :: self
    real(8) :: weight
    weight = 2 * self%area()
  end function

  function square_weight(self) result(weight)
    class(square), intent(in) :: self
    real(8) :: weight
    weight = self%area() + 1
  end function

  function total(held) result(sum)
    type(holder), intent(in) :: held(:)
    real(8) :: sum
    integer :: i
    sum = 0
    do i = 1, size(held)
      sum = held(i)%combine(sum, held(i)%item%weight())
    end do
  end function
end module

module sorting
  implicit none
contains
  ! Insertion sort by a comparison that is an argument.
  subroutine sort(values, before)
    real(8), intent(inout) :: values(:)
    interface
      logical function before(x, y)
        real(8), intent(in) :: x, y
      end function
    end interface
    integer :: i, j
    real(8) :: value
    do i = 2, size(values)
      value = values(i)
      j = i - 1
      do while (j >= 1)
        if (.not. before(value, values(j))) exit
        values(j + 1) = values(j)
        j = j - 1
      end do
      values(j + 1) = value
    end do
  end subroutine
end module

program dispatch
  use shapes
  use sorting
  implicit none
  type(holder) :: held(90)
  procedure(operation), pointer :: chosen
  real(8) :: values(200), pivot
  integer :: i, kind, round

  do i = 1, size(held)
    kind = mod(i * 7, 4)
    select case (kind)
    case (0)
      allocate (held(i)%item, source=circle(radius=i))
    case (1)
      allocate (held(i)%item, source=square(side=i))
    case (2)
      allocate (held(i)%item, source=prism(side=i, height=2))
    case default
      allocate (held(i)%item, source=square(scale=3, side=i))
    end select
    if (mod(i, 3) == 0) then
      held(i)%combine => difference
    else
      held(i)%combine => addition
    end if
  end do
  do round = 1, 3
    print '(a, i0, a, f0.3)', 'total ', round, ' ', total(held(round::round))
  end do

  chosen => addition
  do i = 1, 6
    print '(a, f0.3)', 'chosen ', chosen(real(i, 8), 2d0)
    if (mod(i, 2) == 0) then
      chosen => addition
    else
      chosen => difference
    end if
  end do

  do i = 1, size(values)
    values(i) = mod(i * 7919, 1009)
  end do
  pivot = 500
  call sort(values, nearer)
  print '(a, 8(f0.1, 1x))', 'sorted ', values(1:8)
  call sort(values, falling)
  print '(a, 8(f0.1, 1x))', 'sorted ', values(1:8)

contains

  pure function addition(x, y) result(z)
    real(8), intent(in) :: x, y
    real(8) :: z
    z = x + y
  end function

  pure function difference(x, y) result(z)
    real(8), intent(in) :: x, y
    real(8) :: z
    z = y - x
  end function

  ! An internal procedure that reads its host's variables: passed on, it needs a trampoline or a descriptor.
  logical function nearer(x, y)
    real(8), intent(in) :: x, y
    nearer = abs(x - pivot) < abs(y - pivot)
  end function

  logical function falling(x, y)
    real(8), intent(in) :: x, y
    falling = x > y
  end function
end program
